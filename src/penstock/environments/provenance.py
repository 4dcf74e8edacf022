"""The masked values of an environment, and where they come from."""

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
        name: Name of the connection or variable.
        field: Field of the connection (``extra.NAME`` for an extra field); ``value`` for a variable.
        value: Value for display, with masked secrets.
        file: Path relative to the project.
        line: Line number in the file.
        environment: The environment of the file.
    """

    kind: Literal["connection", "variable"]
    name: str
    field: str
    value: str
    file: str
    line: int
    environment: str


def show(field: str, value: Value) -> str:
    """Return the field's value for display, with masked secrets."""
    text = value.text or ""
    return MASK if is_encrypted(text) else masked(field.removeprefix(EXTRA), text)


def where(value: Value) -> tuple[str, int, str]:
    """Return file, line and environment of a value."""
    return value.place.file, value.place.line, value.place.environment


def ordered(fields: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the fields in display order."""
    plain = [field for field in PLAIN_FIELDS if field in fields]
    return {field: fields[field] for field in (*plain, *sorted(fields.keys() - {*plain}))}
