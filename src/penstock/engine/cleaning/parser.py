"""How texts become the values of one kind of column: a fast way for most of them, a slow one for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock.engine.cleaning.string_buffers import Mask, Texts

Storage = npt.NDArray[Any]


class Codec(Protocol):
    """One kind of column. ``fast`` and ``slow`` never give a wrong value: what ``fast`` leaves, ``slow`` judges."""

    @property
    def type(self) -> pa.DataType:
        """The Arrow type that ``build`` gives."""

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Values of all texts as numpy holds them, and which of them are right."""

    def slow(self, text: str) -> Any:
        """The value of one text, without blanks around it.

        Raises:
            Refused: If it is none.
            Beyond: If only the server can tell.
        """

    def pack(self, values: Sequence[Any]) -> Storage:
        """Values that ``slow`` gave, as ``fast`` gives them."""

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """The Arrow array of these values; null where not valid.

        Raises:
            Beyond: If each of them is good, but not all of them together.
        """


def fixed_width(type_: pa.DataType, storage: Storage, valid: Mask | None) -> pa.Array:
    """An Arrow array over the memory of a numpy one."""
    data = pa.py_buffer(np.ascontiguousarray(storage))
    return pa.Array.from_buffers(type_, len(storage), [bitmap(valid), data])


def bitmap(mask: Mask | None) -> pa.Buffer | None:
    """A mask as Arrow keeps it, one bit a row."""
    return None if mask is None else pa.py_buffer(np.packbits(mask, bitorder="little"))
