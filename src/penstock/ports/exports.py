"""Protocols of exports and of the snapshots that they read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penstock.model.manifest import ExportedFile, Manifest
from penstock.ports.targets import Entry


class ExportSession(Protocol):
    """One export into a store. Readers do not see it before it is published."""

    @property
    def before(self) -> Manifest | None:
        """The existing export, if any."""

    @property
    def database(self) -> str:
        """Identifies the source database, independently of its address."""

    def write(self, reading: Reading, blocks: Iterable[Rows]) -> Sequence[ExportedFile]:
        """Write all of these rows.

        Raises:
            Unrepresentable: See :meth:`Reading.parse`; nothing remains of the files then.
            TargetError: If the store fails.
        """

    def discard(self, files: Iterable[ExportedFile]) -> None:
        """Remove what was written and is not published."""

    def publish(self, manifest: Manifest, entry: Entry) -> None:
        """Publish this export instead of the previous one, and record its account.

        Raises:
            TargetError: If another export was published meanwhile.
        """


class ExportTarget(Protocol):
    """The target of exports."""

    @property
    def form(self) -> ExportFormat:
        """The format of the files."""

    def begin(self) -> AbstractContextManager[ExportSession]:
        """Begin an export; holds a lock on the address.

        Raises:
            ConnectionFailed: If the store cannot be reached or entered.
        """


class ExportFormat(Protocol):
    """A format of files."""

    @property
    def name(self) -> str:
        """``parquet`` or ``csv``."""

    @property
    def compression(self) -> str:
        """``zstd``, ``gzip``, ``snappy`` or ``none``."""


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
            SourceError: If the table does not exist, or may not be read.
        """
