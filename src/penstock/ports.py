"""What an adapter must be: the engine knows sources, targets and progress only by these shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

from penstock.model.contract import Column, Contract
from penstock.model.manifest import ExportedFile, Manifest
from penstock.model.plan import CopyPlan
from penstock.model.reject import Reject
from penstock.model.result import CopyResult

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Lines = npt.NDArray[np.int64]
else:
    Lines = Any  # those who pass tables on as bytes need neither of the two


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of one file, in their order. One generator of these is what everything flows through.

    Args:
        file: Index of the file among the source's files.
        rows: Columns under the names of the source's header. CSV gives ``large_string`` columns in which only an
            unquoted empty field is null; Parquet gives its own types.
        lines: Line (CSV, JSON Lines) or row number (Parquet) of each row, counted from 1, strictly increasing.
        raw: Gives the text of the rows at these positions of the batch. Called for rejected rows only.
        rejects: Rows that could not be taken apart (``malformed``, ``bad_encoding``); they are not in ``rows``.
    """

    file: int
    rows: pa.RecordBatch
    lines: Lines
    raw: Callable[[Sequence[int]], list[str]]
    rejects: list[Reject] = field(default_factory=list)


class Source(Protocol):
    """Where rows come from. It can be read more than once, and gives the same rows in the same order each time."""

    @property
    def files(self) -> Sequence[str]:
        """Names of the files, as a reject names them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, as the header writes them."""

    def fingerprint(self) -> str:
        """A hash of the whole content: equal for equal input, wherever it lies."""

    def batches(self) -> Iterator[Batch]:
        """All rows, in batches of bounded size.

        Raises:
            SourceError: If a file cannot be read, or changed since its fingerprint was taken.
        """

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """The text of the rows that begin at these lines, read again from the file."""


@runtime_checkable
class GrowingSource(Protocol):
    """A source whose files never change and only become more, so that each of them needs to be loaded but once."""

    def without(self, loaded: Collection[str]) -> Source:
        """The same source, but for these files."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows that are good by themselves: typed, and in the columns of the target.

    Args:
        again: Marks rows whose key may have come before in this input. May mark too many, never too few.
        rejects: The others of the same stretch of input.
    """

    file: int
    rows: pa.RecordBatch
    lines: Lines
    again: npt.NDArray[np.bool_]
    rejects: Sequence[Reject] = ()

    def take(self, mask: npt.NDArray[np.bool_]) -> Judged:
        """The rows of this mask, without the rejects."""
        import pyarrow as pa

        return Judged(self.file, self.rows.filter(pa.array(mask)), self.lines[mask], self.again[mask])


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a session needs to know to load one copy.

    Args:
        columns: The target's columns that the source has, in the table's order.
        key: The columns that identify a row; may be empty.
        as_text: Names of columns that travel as text, because the server must read them.
        files: Names of the source's files.
    """

    plan: CopyPlan
    contract: Contract
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    as_text: frozenset[str]
    files: Sequence[str]


@dataclass(slots=True)
class Loaded:
    """What the target did with the rows of one copy, by its own count."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    duplicates: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the ledger keeps of a copy.

    Args:
        files: Names of the source's files.
        header: The source's columns, by which rows in quarantine can be read again.
    """

    plan: CopyPlan
    result: CopyResult
    files: Sequence[str]
    header: Sequence[str]


class Session(Protocol):
    """One copy's transaction on the target. Nothing in it can be seen from outside before it ends well, and no other
    copy into the same table goes on meanwhile.
    """

    def earlier(self, identity: str, plan: CopyPlan) -> CopyResult | None:
        """The account of the same copy, if it was done before and what it left still stands."""

    def contract(self) -> Contract | None:
        """What the table demands; None where there is no such table. Keeps other writers out from here on."""

    def create(self, columns: Sequence[Column]) -> Contract:
        """Make the table; its key is made when the rows are in."""

    def load(self, load: Load, batches: Iterable[Judged]) -> Loaded:
        """Bring the rows over and settle them as the plan's mode asks; rejects go to quarantine.

        Raises:
            TargetError: If the target refuses the copy as a whole.
        """

    def unread(self) -> dict[str, list[int]]:
        """Lines, by file, of rejected rows whose text the quarantine lacks."""

    def fill(self, file: str, raws: dict[int, str]) -> None:
        """Put these texts beside the rejected rows of those lines."""

    def reasons(self) -> dict[str, int]:
        """Rejected rows by reason, counted where they are kept."""

    def examples(self) -> list[str]:
        """The first few rejects, a line each."""

    def record(self, entry: Entry) -> None:
        """Write the account into the ledger."""

    def mark_replayed(self, run: int, *, by: str) -> None:
        """Note that an earlier run's rejects were copied again, by the copy of this identity."""


@runtime_checkable
class RemembersFiles(Protocol):
    """A session that knows which files its table holds."""

    def loaded_files(self, plan: CopyPlan) -> set[str]:
        """Files that were copied into the table by such a plan, and whose rows no later copy has replaced."""


class Target(Protocol):
    """Where rows go."""

    def begin(self) -> AbstractContextManager[Session]:
        """Open a transaction; it commits when the block ends well, and leaves nothing when it does not.

        Raises:
            ConnectionFailed: If the target cannot be reached or entered.
        """


@dataclass(frozen=True, slots=True)
class Return:
    """A permit given back.

    Args:
        at: When the call that it was taken for was over, by this process's monotonic clock; None if none was made.
    """

    slot: int
    at: float | None


@dataclass(frozen=True, slots=True)
class Granted:
    """Permits for one call each, and after how many seconds it is worth asking for more."""

    slots: Sequence[int]
    wait_s: float


class Permits(Protocol):
    """A limit of calls that is shared with everybody who calls with the same credential. Safe in any thread."""

    def take(self, wanted: int, used: Sequence[Return]) -> Granted:
        """Give these permits back, and take so many others, or as many as there are.

        A permit that is never given back, because its holder died, comes free by itself after a while.

        Raises:
            ConnectionFailed: If whoever keeps the limit cannot be reached.
        """

    def pause(self, seconds: float) -> None:
        """Nobody gets a permit for so long: the API asked for it."""

    def close(self) -> None:
        """Let go of what was opened."""


class Progress(Protocol):
    """Told how far a copy is; never asked anything."""

    def advance(self, rows: int, rejected: int) -> None:
        """So many rows more were read, of which so many were rejected."""


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

    def blocks(self) -> Iterator[Rows]:
        """All rows, in blocks of bounded size. They can be read once."""

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


class ExportSession(Protocol):
    """One export into a store. No reader sees anything of it before it is published."""

    @property
    def before(self) -> Manifest | None:
        """The export that is there, if one is."""

    def write(self, reading: Reading, blocks: Iterable[Rows]) -> Sequence[ExportedFile]:
        """Write all of these rows.

        Raises:
            Unrepresentable: As :meth:`Reading.parse`; nothing of them is left then.
            TargetError: If the store does not take them.
        """

    def discard(self, files: Iterable[ExportedFile]) -> None:
        """Remove what was written and is not published."""

    def publish(self, manifest: Manifest, entry: Entry) -> None:
        """Let readers see this export and no longer the one before, and keep its account."""


class ExportTarget(Protocol):
    """Where a table's rows go as files."""

    @property
    def form(self) -> ExportFormat:
        """What the files are."""

    def begin(self) -> AbstractContextManager[ExportSession]:
        """Begin an export; nobody else exports to the same place meanwhile.

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


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a store lists it.

    Args:
        size: In bytes.
        etag: Differs when the content does; what it is made of is the store's affair.
        modified: With a time zone.
    """

    key: str
    size: int
    etag: str
    modified: datetime


class ObjectWriter(Protocol):
    """An object while it is being written."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Append these bytes; returns how many they are.

        Raises:
            TargetError: If the store did not take what was written so far.
        """


class ObjectStore(Protocol):
    """A flat space of keys with bytes behind them: one bucket, or a directory that stands for one.

    A key is a relative path with ``/`` between its parts; no part of it is empty, ``.`` or ``..``. An object appears
    whole or not at all; there are no conditional writes, because not every store keeps them.

    All methods raise ConnectionFailed where the store cannot be reached or entered.
    """

    @property
    def name(self) -> str:
        """What messages call it, such as ``s3://bucket``."""

    def put(self, key: str, data: bytes) -> None:
        """Write an object, in the place of one that was there."""

    def writer(self, key: str) -> AbstractContextManager[ObjectWriter]:
        """Write an object of any size piece by piece: it appears when the block ends well, and otherwise never."""

    def find(self, key: str) -> Stored | None:
        """The object of this key, or None."""

    def get(self, key: str) -> bytes:
        """The whole of an object.

        Raises:
            NoSuchObject: If there is none of this key.
        """

    def open(self, key: str) -> BinaryIO:
        """An object as a seekable stream, read in pieces of bounded size.

        Raises:
            NoSuchObject: If there is none of this key.
            SourceError: When it is read: it changed since it was opened.
        """

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """The objects whose keys begin so, in the order of their keys."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is none to remove."""

    def copy(self, key: str, to: str) -> None:
        """Copy an object within the store.

        Raises:
            NoSuchObject: If there is none of this key.
        """

    def sweep(self, prefix: str) -> int:
        """Remove what killed writers left under this prefix; nobody else may be writing there. Returns how much."""
