"""Protocols of sources and of the batches that they give."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from penstock.model.file_options import FileOptions
from penstock.model.result import Reject


class Source(Protocol):
    """A source of rows. It can be read more than once, with the same rows in the same order each time."""

    @property
    def files(self) -> Sequence[str]:
        """Names of the files, for rejects."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, as in the header."""

    @property
    def size(self) -> int | None:
        """Number of bytes to read, as stored; None if unknown."""

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:
        """A hash of the whole content, independent of its location.

        Args:
            seen: Receives how many more bytes were read for it.
        """

    def batches(self) -> Iterator[Batch]:
        """All rows, in batches of bounded size.

        Raises:
            SourceError: If a file cannot be read, or changed since its fingerprint was taken.
        """

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """The text of the rows that begin at these lines, read again from the file."""


@runtime_checkable
class GrowingSource(Protocol):
    """A source that only grows by whole files, so that each file needs to be loaded once."""

    def without(self, loaded: Collection[str]) -> Source:
        """The same source without these files."""


@runtime_checkable
class Recognised(Protocol):
    """A source whose content determines how it is read."""

    @property
    def options(self) -> FileOptions:
        """The plan's options, completed by the detected format if it differs from the files' names."""

    def require_header(self) -> None:
        """Raises SourceError if the first line does not look like a header, before a table is created from it."""

    def fit(self, table: Sequence[str]) -> None:
        """Name the columns for a table that has these.

        Raises:
            SourceError: If two columns have one name.
        """


if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Lines = npt.NDArray[np.int64]
else:
    Lines = Any  # routes that copy bytes need neither of the two


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of one file, in order.

    Args:
        file: Index of the file among the source's files.
        rows: Columns under the names of the source's header. CSV gives ``large_string`` columns in which only an
            unquoted empty field is null; Parquet gives its own types.
        lines: Line (CSV, JSON Lines) or row number (Parquet) of each row, counted from 1, strictly increasing.
        raw: Returns the text of the rows at these positions of the batch. Called only for rejected rows.
        rejects: Rows that could not be parsed (``malformed``, ``bad_encoding``); they are not in ``rows``.
        position: Number of bytes read so far, of :attr:`Source.size`.
        left_out: Number of lines that are not rows, by the plan: comments and footers.
        json: Returns a column as JSON texts, in which strings have their quotes; None if the source is not JSON.
    """

    file: int
    rows: pa.RecordBatch
    lines: Lines
    raw: Callable[[Sequence[int]], list[str]]
    rejects: list[Reject] = field(default_factory=list)
    position: int = 0
    json: Callable[[str], pa.Array] | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """Clean rows: typed, in the columns of the target.

    Args:
        again: Marks rows whose key may have occurred before in this input. May mark too many, never too few.
        rejects: The rejects of the same part of the input.
    """

    file: int
    rows: pa.RecordBatch
    lines: Lines
    again: npt.NDArray[np.bool_]
    rejects: Sequence[Reject] = ()

    def take(self, mask: npt.NDArray[np.bool_]) -> Judged:
        """The rows selected by a mask, without the rejects."""
        import pyarrow as pa

        return Judged(self.file, self.rows.filter(pa.array(mask)), self.lines[mask], self.again[mask])
