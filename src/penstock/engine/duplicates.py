"""Finds rows whose key may have occurred before in the input, in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    import polars as pl

# 2^22 words of 64 bits are 32 MB, of which the system allocates only the pages in use. Each key sets three bits
# of one word (a blocked Bloom filter), so that a lookup costs one memory access. False positives were 1 of 5,000
# distinct keys when there were 5 million and 1 of 270 when there were 20 million. A row marked wrongly costs a little
# time, never a row: the server compares the values themselves.
_WORDS = 22
_BITS = (0, 6, 12)


class Repeats:
    """Marks rows whose key may have occurred before. No repeated key is missed. A mark does not decide about a row:
    marked rows are staged, and the server compares them value by value.

    Args:
        key: Names of the columns that identify a row; if empty, no row is marked.
        unsure: Mark every row, because the server may treat different values as equal.
    """

    def __init__(self, key: Sequence[str], *, unsure: bool = False) -> None:
        self._key = list(key)
        self._unsure = unsure
        self._seen: npt.NDArray[np.uint64] | None = None

    def mark(self, rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """The marks of this batch; its keys count as seen from now on."""
        if self._unsure or not self._key or not rows.num_rows:
            return np.full(rows.num_rows, self._unsure)
        if self._seen is None:
            self._seen = np.zeros(1 << _WORDS, dtype=np.uint64)
        hashes = self._hashes(rows)
        word, bits = (hashes >> np.uint64(64 - _WORDS)).astype(np.int64), _bits(hashes)
        marks: npt.NDArray[np.bool_] = (self._seen[word] & bits) == bits
        np.bitwise_or.at(self._seen, word, bits)
        marks[_repeated_within(hashes)] = True
        return marks

    def _hashes(self, rows: pa.RecordBatch) -> npt.NDArray[np.uint64]:
        if len(self._key) == 1 and pa.types.is_integer((column := rows.column(self._key[0])).type):
            return _scattered(column)
        import polars as pl  # the import takes 0.1 s, and a single integer key does not need it

        frame = pl.DataFrame({name: _comparable(rows.column(name)) for name in self._key})
        hashes: npt.NDArray[np.uint64] = frame.hash_rows(seed=0).to_numpy()
        return hashes


def _scattered(column: pa.Array) -> npt.NDArray[np.uint64]:
    """Hashes of integers (the finalizer of MurmurHash3)."""
    values = column.fill_null(0).to_numpy(zero_copy_only=False)
    numbers: npt.NDArray[np.uint64] = values.astype(np.int64).view(
        np.uint64
    )  # a copy, to be changed in place
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        numbers ^= numbers >> np.uint64(33)
        numbers *= np.uint64(factor)
    numbers ^= numbers >> np.uint64(33)
    return numbers


def _repeated_within(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Positions whose hash occurred before in the batch."""
    ordered = np.sort(hashes)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if not repeated.size:
        return np.empty(0, np.int64)
    # Sorting values is ten times faster than sorting positions, which is done only for repeated values.
    near = np.minimum(np.searchsorted(repeated, hashes), repeated.size - 1)
    among = np.flatnonzero(repeated[near] == hashes)
    order: npt.NDArray[np.int64] = among[np.argsort(hashes[among], kind="stable")]
    later: npt.NDArray[np.int64] = order[1:][hashes[order[1:]] == hashes[order[:-1]]]
    return later


def _bits(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Three bits for each hash, from other parts of it than the word's index."""
    chosen = np.zeros_like(hashes)
    for shift in _BITS:
        chosen |= np.uint64(1) << ((hashes >> np.uint64(shift)) & np.uint64(63))
    return chosen


def _comparable(column: pa.Array) -> pl.Series:
    """The column with values normalized, so that values equal on the server are equal here."""
    import polars as pl

    series = pl.Series(column)
    if series.dtype.is_decimal():
        return series.cast(
            pl.Float64
        )  # 1.0 and 1.00 are equal keys; floats that become equal by rounding only add marks
    if series.dtype.is_float():
        return series + 0.0  # -0.0 and 0.0 have the same key
    if series.dtype == pl.String:
        return series.str.strip_chars_end(" ")  # char(n) ignores blanks at the end
    return series
