"""Rows on their way through a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.model.reject import Reject

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
        position: How many bytes of the source were read up to here, of :attr:`Source.size`.
    """

    file: int
    rows: pa.RecordBatch
    lines: Lines
    raw: Callable[[Sequence[int]], list[str]]
    rejects: list[Reject] = field(default_factory=list)
    position: int = 0


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
