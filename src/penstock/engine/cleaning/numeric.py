"""Parses ``numeric`` exactly; nothing is rounded."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from penstock.engine.cleaning.numbers import digits_and_exponent, signed, unsigned
from penstock.engine.cleaning.string_buffers import Ints, Mask, Storage, Texts, Words, bitmap
from penstock.engine.cleaning.value_errors import Beyond, Refused, bad_type, out_of_range, quoted
from penstock.model.contract import Column

CAPACITY = 38  # digits of an Arrow decimal128
_SAFE = 18  # any number of this many digits fits in a signed word
_SERVER_WHOLE, _SERVER_FRACTION = 131_072, 16_383
_WORD = 8
_POWERS: Words = np.array([10**n for n in range(_SAFE + 1)], np.uint64)
_HOLDS: Ints = np.array([(2**63 - 1) // 10**n for n in range(_SAFE + 1)], np.int64)
_NAN = re.compile(r"[+-]?nan", re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?(?:inf|infinity)", re.IGNORECASE)
_LOW = 2**64 - 1


class Numerics:
    """A ``numeric`` column.

    Values are kept as 128-bit integers in two words. If the column has a scale, all values have it; otherwise a third
    word is each value's number of decimals, and an array gets the greatest of them.
    """

    def __init__(self, column: Column) -> None:
        self._name = column.type
        self._precision = column.precision
        self._places = _SERVER_FRACTION if column.scale is None else column.scale
        self._whole = _SERVER_WHOLE if column.precision is None else column.precision - self._places
        self._scale = max(self._places, 0) if self._places <= CAPACITY else None
        self._width = 3 if self._scale is None else 2
        self.type: pa.DataType = pa.decimal128(CAPACITY, self._scale or 0)

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Parse the digits before and after the point by arithmetic on words."""
        starts, minus = unsigned(texts)
        lengths = texts.ends - starts
        places, dot = _decimals(texts, lengths)
        scale = np.minimum(places, _SAFE) if self._scale is None else np.int64(min(self._scale, _SAFE))
        whole_lengths = lengths - places - dot
        whole, good = texts.digits(texts.ends - places - dot, whole_lengths)
        fraction, fine = texts.digits(texts.ends, places)
        good &= fine
        good &= lengths > dot
        good &= whole_lengths + np.maximum(self._scale or 0, places) <= _SAFE
        size = whole * _POWERS[scale]
        size += _rescaled(fraction, scale - places, good)
        if self._precision is not None and (self._places < 0 or self._scale is None):
            good[:] = False  # numeric(2,-3), numeric(50,45): too rare for a fast path
        elif self._precision is not None and self._precision < _SAFE:
            good &= size < _POWERS[self._precision]
        return self._store(signed(size, minus), scale), good

    def slow(self, text: str) -> tuple[int, int]:
        """Parse one number; exponents are accepted if the value is exact."""
        parts = digits_and_exponent(text)
        if parts is None:
            raise self._not_finite(text)
        digits, exponent = parts
        if digits:
            self._fits(text, -exponent, len(digits) + exponent)
        places, whole = max(-exponent, 0), max(len(digits) + exponent, 0)
        scale = places if self._scale is None else self._scale
        if whole + scale > CAPACITY:
            raise Beyond
        number = int(digits or "0") * 10 ** (scale + exponent)
        return (-number if text[0] == "-" else number), scale

    def pack(self, values: Sequence[tuple[int, int]]) -> Storage:
        """Values in the representation of ``fast``."""
        words = [(_low_word(number), number >> 64, scale)[: self._width] for number, scale in values]
        return np.array(words, np.int64).reshape(-1, self._width)

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """All values at one scale."""
        scale = self._scale
        if scale is None:
            storage, scale = _at_one_scale(storage, valid)
        pairs = np.ascontiguousarray(storage[:, :2])
        buffers = [bitmap(valid), pa.py_buffer(pairs)]
        return pa.Array.from_buffers(pa.decimal128(CAPACITY, scale), len(pairs), buffers)

    def _store(self, number: Ints, scale: Ints | np.int64) -> Storage:
        storage = np.empty((len(number), self._width), np.int64)
        storage[:, 0] = number
        np.right_shift(number, 63, out=storage[:, 1])
        if self._scale is None:
            storage[:, 2] = scale
        return storage

    def _fits(self, text: str, places: int, whole: int) -> None:
        if places > max(self._places, 0):
            held = f"{self._name} holds {max(self._places, 0)}"
            raise out_of_range(f"{quoted(text)} has {places} decimals, {held}")
        if whole > max(self._whole, 0):
            held = f"{self._name} holds {max(self._whole, 0)}"
            raise out_of_range(f"{quoted(text)} has {whole} digits before the point, {held}")
        if places > self._places or whole > self._whole:
            raise out_of_range(f"{quoted(text)} is out of range for {self._name}")

    def _not_finite(self, text: str) -> Beyond | Refused:
        if _INFINITE.fullmatch(text) and self._precision is not None:
            return out_of_range(f"{quoted(text)} is out of range for {self._name}")
        if _NAN.fullmatch(text) or _INFINITE.fullmatch(text):
            return Beyond()
        return bad_type(f"invalid number {quoted(text)}")


def _decimals(texts: Texts, lengths: Ints) -> tuple[Ints, Ints]:
    """The number of characters after each text's last point, if it is among the last 24, and the points."""
    places, dot = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
    left = int(np.count_nonzero(texts.data == ord(".")))
    for behind in (0, _WORD, 2 * _WORD):
        if left > 0:
            left -= _find_dots(texts, lengths, behind, (places, dot))
    return places, dot


def _find_dots(texts: Texts, lengths: Ints, behind: int, found: tuple[Ints, Ints]) -> int:
    places, dot = found
    words = texts.words(texts.ends - (behind + _WORD))
    left = np.count_nonzero(texts.data == ord("."))
    count = 0
    for place in range(_WORD):
        here = (words >> np.uint64(8 * (_WORD - 1 - place))) & np.uint64(0xFF) == ord(".")
        here &= lengths > behind + place
        here &= dot == 0
        places += here * np.int64(behind + place)
        dot += here
        count += int(np.count_nonzero(here))
        if count >= left:
            break
    return count


def _rescaled(fraction: Words, up: Ints, good: Mask) -> Words:
    """Fractions rescaled by this many digits; scaling down must only remove zeros."""
    scaled = fraction * _POWERS[np.clip(up, 0, _SAFE)]
    down = np.flatnonzero(up < 0)
    if len(down):
        scaled[down], lost = np.divmod(fraction[down], _POWERS[np.minimum(-up[down], _SAFE)])
        good[down] &= lost == 0
    return scaled


def _at_one_scale(storage: Storage, valid: Mask | None) -> tuple[Storage, int]:
    """The values at the greatest of their scales.

    Raises:
        Beyond: If they need more than 38 digits.
    """
    scales = storage[:, 2] if valid is None else np.where(valid, storage[:, 2], 0)
    scale = int(scales.max(initial=0))
    up = scale - scales
    if not up.any():
        return storage, scale
    low, steps = storage[:, 0], np.minimum(up, _SAFE)
    small = (storage[:, 1] == low >> 63) & (np.abs(low) <= _HOLDS[steps]) & (low != np.iinfo(np.int64).min)
    small &= up <= _SAFE
    number = np.where(small, low * _POWERS[steps].view(np.int64), 0)
    pairs = np.stack((number, number >> 63), axis=1)
    for row in np.flatnonzero(~small if valid is None else ~small & valid).tolist():
        big = ((int(storage[row, 1]) << 64) | (int(low[row]) & _LOW)) * 10 ** int(up[row])
        if abs(big) >= 10**CAPACITY:
            raise Beyond
        pairs[row] = _low_word(big), big >> 64
    return pairs, scale


def _low_word(number: int) -> int:
    low = number & _LOW
    return low - 2**64 if low >= 2**63 else low
