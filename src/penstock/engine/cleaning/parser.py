"""The interface of parsers: a fast path for most texts, a slow one for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock.engine.cleaning.string_buffers import Mask, Texts

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
