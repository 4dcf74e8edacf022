"""What an adapter must be: the engine knows sources, targets and progress only by these shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock.model.reject import Reject

Lines = npt.NDArray[np.int64]


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


class Progress(Protocol):
    """Told how far a copy is; never asked anything."""

    def advance(self, rows: int, rejected: int) -> None:
        """So many rows more were read, of which so many were rejected."""
