"""Finds rows whose key may have occurred before in the input, in constant memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.string_buffers import Texts, Words

# 2^22 words of 64 bits are 32 MB, of which the system allocates only the pages in use. Each key sets three bits
# of one word (a blocked Bloom filter), so that a lookup costs one memory access. False positives were 1 of 5,000
# distinct keys when there were 5 million and 1 of 270 when there were 20 million. A row marked wrongly costs a little
# time, never a row: the server compares the values themselves.
_WORDS = 22
_BITS = (0, 6, 12)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_WORD = 8  # bytes


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
        self._seen: Words | None = None

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

    def _hashes(self, rows: pa.RecordBatch) -> Words:
        columns = [_hashed(rows.column(name)) for name in self._key]
        hashes = columns[0]
        for column in columns[1:]:
            hashes *= _ODD
            hashes ^= column
            hashes = _scattered(hashes)
        return hashes


def _hashed(column: pa.Array) -> Words:
    """Hashes of a column's values: equal where the server treats values as equal. All nulls have one hash."""
    type_ = column.type
    if pa.types.is_decimal(type_) or pa.types.is_floating(type_):
        # 1.0 and 1.00 are equal keys; decimals that become equal by rounding only add marks.
        numbers = pc.cast(column, pa.float64(), safe=False).fill_null(0.0).to_numpy(zero_copy_only=False)
        numbers = np.where(np.isnan(numbers), np.nan, numbers + 0.0)  # -0.0 and 0.0 have the same key
        return _scattered(numbers.view(np.uint64))
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        # char(n) ignores blanks at the end.
        return _hashed_texts(Texts(pc.utf8_rtrim(pc.cast(column, pa.large_string()), characters=" ")))
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_):
        return _hashed_texts(Texts(pc.cast(column, pa.large_binary())))
    if not pa.types.is_integer(type_):  # days, microseconds, true and false
        width = 1 if pa.types.is_boolean(type_) else type_.bit_width
        column = (
            pc.cast(column, pa.int8())
            if width == 1
            else column.view(pa.int32() if width == 32 else pa.int64())
        )
    return _scattered(column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64))


def _hashed_texts(texts: Texts) -> Words:
    lengths = texts.lengths if texts.valid is None else np.where(texts.valid, texts.lengths, 0)
    hashes: Words = lengths.astype(np.uint64)
    rows, at = np.arange(len(texts)), 0
    while (rows := rows[lengths[rows] > at]).size:
        words = texts.words(texts.starts[rows] + at)
        beyond = np.maximum(at + _WORD - lengths[rows], 0).astype(np.uint64)
        words &= _ALL >> (beyond << np.uint64(3))
        hashes[rows] = _scattered((hashes[rows] ^ words) * _ODD)
        at += _WORD
    return _scattered(hashes)


def _scattered(numbers: Words) -> Words:
    """Numbers with their bits mixed (the finalizer of MurmurHash3)."""
    mixed = numbers ^ (numbers >> np.uint64(33))
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed *= np.uint64(factor)
        mixed ^= mixed >> np.uint64(33)
    return mixed


def _repeated_within(hashes: Words) -> npt.NDArray[np.int64]:
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


def _bits(hashes: Words) -> Words:
    """Three bits for each hash, from other parts of it than the word's index."""
    chosen = np.zeros_like(hashes)
    for shift in _BITS:
        chosen |= np.uint64(1) << ((hashes >> np.uint64(shift)) & np.uint64(63))
    return chosen
