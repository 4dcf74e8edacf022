"""Finds rows whose key may have come before in the same input, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

# 2^30 bits are 128 MB, of which the system gives only the pages that are touched. A key is marked wrongly with the
# chance (keys seen) / 2^30: one row in 200 at 5 million rows, one in 50 at 20 million. A row marked wrongly costs a
# little time, never a row: the server compares the values themselves.
_BITS = 30


class Repeats:
    """Marks rows whose key may have come before. No repeated key is ever missed, and no hash decides a row's fate:
    marked rows are set aside, and the server compares them value by value.

    Args:
        key: Names of the columns that identify a row; where there are none, no row is marked.
        unsure: Mark every row, because keys that differ here may be equal to the server.
    """

    def __init__(self, key: Sequence[str], *, unsure: bool = False) -> None:
        self._key = list(key)
        self._unsure = unsure
        self._seen: npt.NDArray[np.uint8] | None = None

    def mark(self, rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Marks for the rows of this batch; its keys count as seen from now on."""
        if self._unsure or not self._key or not rows.num_rows:
            return np.full(rows.num_rows, self._unsure)
        if self._seen is None:
            self._seen = np.zeros(1 << (_BITS - 3), dtype=np.uint8)
        place = self._places(rows)
        byte, bit = place >> 3, np.left_shift(np.uint8(1), (place & 7).astype(np.uint8))
        seen_before = (self._seen[byte] & bit) != 0
        np.bitwise_or.at(self._seen, byte, bit)
        marks: npt.NDArray[np.bool_] = seen_before | ~pl.Series(place).is_first_distinct().to_numpy()
        return marks

    def _places(self, rows: pa.RecordBatch) -> npt.NDArray[np.uint64]:
        frame = pl.DataFrame({name: _comparable(rows.column(name)) for name in self._key})
        hashes = frame.hash_rows(seed=0).to_numpy()
        return hashes >> np.uint64(64 - _BITS)


def _comparable(column: pa.Array) -> pl.Series:
    """The column such that values which the server holds equal are equal here."""
    series = pl.Series(column)
    if series.dtype.is_decimal():
        return series.cast(
            pl.Float64
        )  # 1.0 and 1.00 have the same key; floats that meet by rounding only mark more
    if series.dtype.is_float():
        return series + 0.0  # -0.0 and 0.0 have the same key
    if series.dtype == pl.String:
        return series.str.strip_chars_end(" ")  # char(n) ignores blanks at the end
    return series
