"""Connections and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class Secret:
    """A text that is masked unless it is revealed.

    Example:
        >>> Secret("hunter2")
        Secret('***')
        >>> Secret("hunter2").reveal()
        'hunter2'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The plain text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A system's address and credentials, under the name that plans use.

    Args:
        name: The alias, as in ``warehouse:raw.sales``.
        type: ``postgres``, ``http``, ``s3`` and so on.
        database: The database (Airflow calls it schema).
        extra: Further fields of the type, such as ``sslmode``.
    """

    name: str
    type: str
    host: str | None = None
    port: int | None = None
    login: str | None = None
    password: Secret | None = None
    database: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
