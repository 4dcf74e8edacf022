"""Batches of rows in a copy."""

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
    """

    file: int
    rows: pa.RecordBatch
    lines: Lines
    raw: Callable[[Sequence[int]], list[str]]
    rejects: list[Reject] = field(default_factory=list)
    position: int = 0


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
