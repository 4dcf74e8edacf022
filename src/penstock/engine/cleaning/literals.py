"""Parses values of a few words or a fixed form: booleans, UUIDs, hexadecimal bytes."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from penstock.engine.cleaning.string_buffers import Bytes, Mask, Storage, Texts, bitmap, fixed_width
from penstock.engine.cleaning.value_errors import Beyond, bad_type, quoted

_TRUE: Final = ("true", "t", "yes", "y", "on", "1")
_FALSE: Final = ("false", "f", "no", "n", "off", "0")
_WORD = 8
_LOWER = np.uint64(0x2020202020202020)


def _as_word(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(text.encode().ljust(_WORD, b" "), "little"))


class Booleans:
    """``boolean``: the server's words."""

    type: pa.DataType = pa.bool_()

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Match whole texts of up to eight letters, in lower case."""
        within = np.minimum(texts.lengths, _WORD)
        behind = np.left_shift(np.uint64(0xFFFFFFFFFFFFFFFF), (within << 3).view(np.uint64))
        exact = texts.words(texts.starts)
        exact = (exact & ~behind) | (_as_word("") & behind)
        lower = exact | _LOWER
        lengths = texts.lengths
        true, false = (
            functools.reduce(
                np.bitwise_or,
                [
                    ((lower if word.isalpha() else exact) == _as_word(word)) & (lengths == len(word))
                    for word in words
                ],
            )
            for words in (_TRUE, _FALSE)
        )
        return true, true | false

    def slow(self, text: str) -> bool:
        """Parse in any case."""
        word = text.lower()
        if word not in _TRUE + _FALSE:
            raise bad_type(f"invalid boolean {quoted(text)}")
        return word in _TRUE

    def pack(self, values: Sequence[bool]) -> Storage:
        """As one byte each."""
        return np.array(values, np.bool_)

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """As one bit each."""
        return pa.Array.from_buffers(self.type, len(storage), [bitmap(valid), bitmap(storage)])


_NO_NIBBLE = 255
_NIBBLES: Bytes = np.full(256, _NO_NIBBLE, np.uint8)
for _digit in "0123456789abcdefABCDEF":
    _NIBBLES[ord(_digit)] = int(_digit, 16)
_CANONICAL = 36
_DASHES: Final = np.array([8, 13, 18, 23])
_HEX: Final = np.delete(np.arange(_CANONICAL), _DASHES)
_UUID = re.compile(r"(\{)?((?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4})(?(1)\})")


class Uuids:
    """``uuid``, in every form that the server accepts."""

    type: pa.DataType = pa.binary(16)

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Parse the canonical form of 36 characters."""
        good = texts.lengths == _CANONICAL
        rows = np.flatnonzero(good)
        storage = np.zeros((len(texts), 16), np.uint8)
        letters = texts.data[texts.starts[rows, None] + np.arange(_CANONICAL)]
        nibbles = _NIBBLES[letters[:, _HEX]]
        good[rows] = (letters[:, _DASHES] == ord("-")).all(axis=1) & (
            nibbles.max(axis=1, initial=0) < _NO_NIBBLE
        )
        storage[rows] = (nibbles[:, 0::2] << 4) | (nibbles[:, 1::2] & 15)
        return storage, good

    def slow(self, text: str) -> bytes:
        """Parse other forms: in braces, with hyphens after any four digits or none."""
        match = _UUID.fullmatch(text)
        if match is None:
            raise bad_type(f"invalid uuid {quoted(text)}")
        return bytes.fromhex(match[2].replace("-", ""))

    def pack(self, values: Sequence[bytes]) -> Storage:
        """As sixteen bytes each."""
        return np.frombuffer(b"".join(values), np.uint8).reshape(-1, 16)

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """Build the array without copying."""
        return fixed_width(self.type, storage, valid)


class Hexadecimals:
    r"""``bytea`` in its hexadecimal form, ``\x0aff``. The older escape form is left to the server."""

    type: pa.DataType = pa.large_binary()

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Parse values one by one: such columns are rare in texts."""
        storage, good = np.empty(len(texts), object), np.zeros(len(texts), np.bool_)
        for row, text in enumerate(texts.array.to_pylist()):
            if text is not None and text[:2] == "\\x":
                with contextlib.suppress(ValueError):
                    storage[row] = bytes.fromhex(text[2:])
                    good[row] = True
        return storage, good

    def slow(self, text: str) -> bytes:
        """Parse hexadecimal digits; spaces between bytes are allowed."""
        if text[:2] != "\\x":
            raise Beyond
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            raise bad_type(f"invalid hexadecimal bytea {quoted(text)}") from None

    def pack(self, values: Sequence[bytes]) -> Storage:
        """References to them."""
        storage = np.empty(len(values), object)
        storage[:] = values
        return storage

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """Copied."""
        return pa.array(storage, self.type, mask=None if valid is None else ~valid, from_pandas=False)
