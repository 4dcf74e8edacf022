"""What a database sends of a table or query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class Unrepresentable(Exception):
    """A value that its column's Arrow type cannot hold, such as a date at infinity: the column must travel as text."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


@dataclass(frozen=True, slots=True)
class Rows:
    """Some whole rows as a database writes them in CSV, without a header; only an unquoted empty field is null.

    Args:
        count: How many they are.
    """

    count: int
    text: bytes


class Reading(Protocol):
    """The rows of a table or query, as they were at one instant."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types; the metadata ``penstock:type`` of a field is the database's own type."""

    @property
    def count(self) -> int:
        """How many rows the database says it sent, once all blocks were read."""

    def estimate(self) -> int | None:
        """About how many rows they are; None where the database does not know. To be asked before they are read."""

    def blocks(self) -> Iterator[Rows]:
        """All rows, in blocks of bounded size. They can be read once."""

    def cancel(self) -> None:
        """Let :meth:`blocks` fail soon, wherever it waits; from another thread."""

    def parse(self, rows: Rows) -> pa.RecordBatch:
        """These rows in the types of the schema; in any thread.

        Raises:
            Unrepresentable: If a value has no counterpart in its column's type.
        """


class Selection(Protocol):
    """A table or query that can be read at one instant, more than once."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def open(self, as_text: frozenset[str] = frozenset()) -> AbstractContextManager[Reading]:
        """One snapshot; these columns are texts in it.

        Raises:
            ConnectionFailed: If the database cannot be reached or entered.
            SourceError: If there is no such table, or it may not be read.
        """
