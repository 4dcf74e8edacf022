"""A column of texts as bytes for numpy, eight characters at a time, and the interface of parsers on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

BLANKS = " \t\n\r\v\f"
PAD = 32  # a word may be read this far before a text's first byte and after its last

_ZEROS = np.uint64(0x3030303030303030)
_OVER_NINE = np.uint64(0x7676767676767676)
_HIGH_BITS = np.uint64(0x8080808080808080)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_WORD = 8
_WORD_VALUE = np.uint64(10**_WORD)
# Neighbouring digits become one number, then neighbouring pairs, then fours: factor, shift and mask of each step.
_STEPS = (
    (np.uint64(10 * 2**8 + 1), np.uint64(8), np.uint64(0x00FF00FF00FF00FF)),
    (np.uint64(100 * 2**16 + 1), np.uint64(16), np.uint64(0x0000FFFF0000FFFF)),
    (np.uint64(10_000 * 2**32 + 1), np.uint64(32), _ALL),
)
DIGITS = 19  # any number of this many digits fits in an unsigned word


class Texts:
    """The bytes of a ``large_string`` array between paddings, with the start and end of each text.

    Args:
        array: Texts; length and bytes of nulls are undefined.
    """

    __slots__ = ("_words", "array", "data", "ends", "lengths", "starts", "valid")

    def __init__(self, array: pa.Array) -> None:
        self.array = array
        offsets, content = text_buffers(array)
        self.data: Bytes = np.empty(len(content) + 2 * PAD, np.uint8)
        self.data[:PAD] = 0
        self.data[PAD : PAD + len(content)] = content
        self.data[PAD + len(content) :] = 0
        shifted = offsets + (PAD - (offsets[0] if len(offsets) else 0))
        self.starts: Ints = shifted[:-1]
        self.ends: Ints = shifted[1:]
        self.lengths: Ints = self.ends - self.starts
        self.valid: Mask | None = validity(array)
        self._words: Words = np.ndarray((len(self.data) - _WORD + 1,), "<u8", self.data, strides=(1,))

    def __len__(self) -> int:
        return len(self.starts)

    def words(self, at: Ints) -> Words:
        """Eight bytes from each of these offsets; the first byte is the lowest."""
        return self._words[at]

    def digits(self, ends: Ints, lengths: Ints) -> tuple[Words, Mask]:
        """The numbers in these ranges of ASCII digits, and which contain only digits.

        An empty range is 0. Ranges longer than :data:`DIGITS` are invalid.
        """
        number, good = _eight_digits(self.words(ends - _WORD), np.minimum(lengths, _WORD))
        power = np.uint64(1)
        for taken in (_WORD, 2 * _WORD):
            more = np.flatnonzero(lengths > taken)
            if not len(more):
                break
            power *= _WORD_VALUE
            rest = np.minimum(lengths[more] - taken, _WORD)
            part, fine = _eight_digits(self.words(ends[more] - (taken + _WORD)), rest)
            number[more] += part * power
            good[more] &= fine
        good &= (lengths >= 0) & (lengths <= DIGITS)
        return number, good


def _eight_digits(words: Words, lengths: Ints) -> tuple[Words, Mask]:
    """The number in the last ``lengths`` bytes of each word, by arithmetic on all eight at once."""
    keep = np.left_shift(_ALL, ((_WORD - lengths) << 3).view(np.uint64))
    word = words ^ _ZEROS
    word &= keep
    np.add(word, _OVER_NINE, out=keep)
    keep |= word
    keep &= _HIGH_BITS
    for factor, shift, mask in _STEPS:
        word *= factor
        word >>= shift
        word &= mask
    return word, keep == 0


def text_buffers(array: pa.Array) -> tuple[Ints, Bytes]:
    """Offsets of a ``large_string`` or ``large_binary`` array, and the bytes between its first and last one."""
    _, offsets, content = array.buffers()
    if not len(array) or offsets is None:
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    places: Ints = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    if content is None:
        return places, np.empty(0, np.uint8)
    return places, np.frombuffer(content, np.uint8)[places[0] : places[-1]]


def validity(array: pa.Array) -> Mask | None:
    """Which values of an array are not null; None if all."""
    if array.null_count == 0:
        return None
    valid: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return valid


Storage = npt.NDArray[Any]


class Codec(Protocol):
    """Parses one kind of column. ``fast`` and ``slow`` are exact; ``slow`` parses what ``fast`` leaves."""

    @property
    def type(self) -> pa.DataType:
        """The Arrow type that ``build`` returns."""

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Values of all texts in numpy, and which of them are valid."""

    def slow(self, text: str) -> Any:
        """The value of one text without surrounding whitespace.

        Raises:
            Refused: If it is invalid.
            Beyond: If only the server can check it.
        """

    def pack(self, values: Sequence[Any]) -> Storage:
        """Values of ``slow``, in the representation of ``fast``."""

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """The Arrow array of these values, null where invalid.

        Raises:
            Beyond: If each value is valid, but one array cannot hold all of them.
        """


def fixed_width(type_: pa.DataType, storage: Storage, valid: Mask | None) -> pa.Array:
    """An Arrow array over the memory of a numpy one."""
    data = pa.py_buffer(np.ascontiguousarray(storage))
    return pa.Array.from_buffers(type_, len(storage), [bitmap(valid), data])


def bitmap(mask: Mask | None) -> pa.Buffer | None:
    """A mask in Arrow's layout, one bit per row."""
    return None if mask is None else pa.py_buffer(np.packbits(mask, bitorder="little"))
