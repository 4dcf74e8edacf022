"""Parses integers and floating-point numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.string_buffers import DIGITS, Ints, Mask, Storage, Texts, Words, fixed_width
from penstock.engine.cleaning.value_errors import bad_type, out_of_range, quoted
from penstock.model.contract import Column, Kind

_WHOLE = re.compile(r"([+-]?)([0-9]+)")
_NOT_FINITE = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
FINITE: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]+))?")
_FINITE = f"^(?:{FINITE.pattern})$"
_SMALL_ZERO = 4  # texts of at most this length are never rounded to zero

_BITS = {Kind.INT2: 16, Kind.INT4: 32, Kind.INT8: 64}
_INT_TYPES = {Kind.INT2: pa.int16(), Kind.INT4: pa.int32(), Kind.INT8: pa.int64()}


def unsigned(texts: Texts) -> tuple[Ints, Mask]:
    """The offset of the number after its sign, and whether the sign is a minus."""
    first = texts.data[texts.starts]
    minus: Mask = first == ord("-")
    signed = minus | (first == ord("+"))
    return texts.starts + signed, minus


class Integers:
    """``smallint``, ``integer``, ``bigint``: an optional sign and digits, nothing else."""

    def __init__(self, column: Column) -> None:
        self.type: pa.DataType = _INT_TYPES[column.kind]
        self._name = column.type
        self._greatest = 2 ** (_BITS[column.kind] - 1) - 1

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Parse short numbers by arithmetic on words."""
        starts, minus = unsigned(texts)
        lengths = texts.ends - starts
        size, good = texts.digits(texts.ends, lengths)
        good &= lengths > 0
        good &= size <= np.uint64(self._greatest) + minus.astype(np.uint64)
        return signed(size, minus).astype(self.type.to_pandas_dtype(), copy=False), good

    def slow(self, text: str) -> int:
        """Parse any number of digits."""
        match = _WHOLE.fullmatch(text)
        if match is None:
            raise bad_type(f"invalid integer {quoted(text)}")
        digits = match[2].lstrip("0") or "0"
        number = int(match[1] + digits) if len(digits) <= DIGITS else None
        if number is None or not -self._greatest - 1 <= number <= self._greatest:
            raise out_of_range(f"{quoted(text)} is out of range for {self._name}")
        return number

    def pack(self, values: Sequence[int]) -> Storage:
        """As the column's own width."""
        return np.array(values, self.type.to_pandas_dtype())

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """Build the array without copying."""
        return fixed_width(self.type, storage, valid)


def signed(size: Words, minus: Mask) -> Ints:
    """Absolute values with their signs, in two's complement."""
    number: Ints = size.view(np.int64)
    if minus.any():
        np.negative(number, out=number, where=minus)
    return number


class Floats:
    """``real`` and ``double precision``: the nearest value, as on the server. Overflow and underflow are faults."""

    def __init__(self, column: Column) -> None:
        self.type: pa.DataType = pa.float32() if column.kind is Kind.FLOAT4 else pa.float64()
        self._name = column.type

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Parse with Arrow, which accepts the same texts as the server, but rounds to infinity and to zero."""
        numbers = self._nearest(texts.array)
        good: Mask = np.isfinite(numbers)
        good &= (numbers != 0) | (texts.lengths <= _SMALL_ZERO)
        return numbers, good

    def slow(self, text: str) -> float:
        """Parse words for infinity and NaN; a number that would be rounded to infinity or zero is a fault."""
        if _NOT_FINITE.fullmatch(text):
            return float(text)
        if FINITE.fullmatch(text) is None:
            raise bad_type(f"invalid number {quoted(text)}")
        number = float(self._nearest(pa.array([text], pa.large_string()))[0])
        zero = not text.lower().partition("e")[0].strip("+-0.")
        if np.isinf(number) or (number == 0 and not zero):
            raise out_of_range(f"{quoted(text)} is out of range for {self._name}")
        return number

    def pack(self, values: Sequence[float]) -> Storage:
        """As the column's own width."""
        return np.array(values, self.type.to_pandas_dtype())

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """Build the array without copying."""
        return fixed_width(self.type, storage, valid)

    def _nearest(self, array: pa.Array) -> npt.NDArray[np.floating]:
        try:
            numbers = pc.cast(array, self.type)
        except pa.ArrowInvalid:  # one text of the batch is not a number
            numbers = pc.cast(pc.if_else(pc.match_substring_regex(array, _FINITE), array, None), self.type)
        return np.array(numbers.fill_null(float("nan")))


def digits_and_exponent(text: str) -> tuple[str, int] | None:
    """The significant digits of a finite number, and the power of ten of the last digit.

    None if the text is not a finite number. Nothing is rounded, and exponents are not expanded.

    Example:
        >>> digits_and_exponent("-01.50"), digits_and_exponent("2e3"), digits_and_exponent("0.0")
        (('15', -1), ('2', 3), ('', 0))
    """
    match = FINITE.fullmatch(text)
    if match is None:
        return None
    whole, _, fraction = text.lower().partition("e")[0].lstrip("+-").partition(".")
    digits = (whole + fraction).lstrip("0")
    bare = digits.rstrip("0")
    if not bare:
        return "", 0
    return bare, _exponent(match[1] or "0") - len(fraction) + len(digits) - len(bare)


def _exponent(text: str) -> int:
    """The exponent, limited to a value that is out of range anyway."""
    digits = text.lstrip("+-0")
    size = int(digits[:DIGITS] or "0")
    return -size if text[0] == "-" else size
