"""What may be shown of an environment's values, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from penstock.environments.connection_types import PLAIN_FIELDS
from penstock.environments.keys import is_encrypted
from penstock.environments.layer import EXTRA, Value
from penstock.environments.secret_detection import MASK, masked


@dataclass(frozen=True, slots=True)
class Explained:
    """One field, and where it comes from.

    Args:
        name: The connection's or variable's name.
        field: The connection's field (``extra.NAME`` for a further one); ``value`` for a variable.
        value: As it may be shown: secrets masked.
        file: The file, relative to the project.
        line: The line in it.
        environment: The environment whose file it is.
    """

    kind: Literal["connection", "variable"]
    name: str
    field: str
    value: str
    file: str
    line: int
    environment: str


def show(field: str, value: Value) -> str:
    """The value of this field as it may be shown."""
    text = value.text or ""
    return MASK if is_encrypted(text) else masked(field.removeprefix(EXTRA), text)


def where(value: Value) -> tuple[str, int, str]:
    """File, line and environment of a value."""
    return value.place.file, value.place.line, value.place.environment


def ordered(fields: Mapping[str, Value]) -> Mapping[str, Value]:
    """The fields in the order in which people read them."""
    plain = [field for field in PLAIN_FIELDS if field in fields]
    return {field: fields[field] for field in (*plain, *sorted(fields.keys() - {*plain}))}
