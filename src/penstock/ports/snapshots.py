"""Protocols for reading a table or query at one snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class Unrepresentable(Exception):
    """A value that its column's Arrow type cannot hold, such as a date at infinity: the column must be sent as text."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


@dataclass(frozen=True, slots=True)
class Rows:
    """Some whole rows as CSV of the database, without a header; only an unquoted empty field is null.

    Args:
        count: Number of rows.
    """

    count: int
    text: bytes


class Reading(Protocol):
    """The rows of a table or query, at one snapshot."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types; the metadata ``penstock:type`` of a field is the database's own type."""

    @property
    def count(self) -> int:
        """The database's count of rows, after all blocks were read."""

    def estimate(self) -> int | None:
        """The estimated number of rows; None if unknown. Call it before reading."""

    def blocks(self) -> Iterator[Rows]:
        """All rows, in blocks of bounded size. Can be read once."""

    def cancel(self) -> None:
        """Make :meth:`blocks` fail soon; called from another thread."""

    def parse(self, rows: Rows) -> pa.RecordBatch:
        """Parse rows into the types of the schema. Thread-safe.

        Raises:
            Unrepresentable: If a value has no counterpart in its column's type.
        """


class Selection(Protocol):
    """A table or query of which snapshots can be read."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    def open(self, as_text: frozenset[str] = frozenset()) -> AbstractContextManager[Reading]:
        """Open a snapshot with these columns as text.

        Raises:
            ConnectionFailed: If connecting to the database fails.
            SourceError: If there is no such table, or it may not be read.
        """
