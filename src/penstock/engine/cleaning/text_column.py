"""Cleans columns of texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.null_values import Markers
from penstock.engine.cleaning.string_buffers import Ints, Texts, bitmap, text_buffers, validity
from penstock.engine.cleaning.to_text import TEXT
from penstock.engine.cleaning.value_errors import NO_VALUE, Cleaned, Fault, quoted
from penstock.model.contract import Column
from penstock.model.plurals import counted
from penstock.model.result import Reason


class TextColumn:
    """A column of text, or of a type that only the server can read. A valid batch is not copied."""

    type: pa.DataType = TEXT

    def __init__(self, column: Column, markers: Markers, *, must: bool) -> None:
        self._length = column.length
        self._name = column.type
        self._markers = markers
        self._must = must

    def clean(self, array: pa.Array) -> Cleaned:
        """The texts themselves, null where they mean "missing"."""
        offsets, content = text_buffers(array)
        if self._markers.any:
            array = self._without_markers(array)
        faults: list[tuple[int, Fault]] = []
        if self._length is not None:
            faults += self._too_long(array, np.diff(offsets))
        if len(content) and not content.all():
            faults += _nul_bytes(array)
        present = validity(array)
        if self._must and present is not None:
            faults += [(position, NO_VALUE) for position in np.flatnonzero(~present).tolist()]
        return Cleaned(array, faults)

    def _without_markers(self, array: pa.Array) -> pa.Array:
        missing = self._markers.find(Texts(array))
        if missing is None or not missing.any():
            return array
        present = validity(array)
        keep = ~missing if present is None else present & ~missing
        _, offsets, content = array.buffers()
        if array.offset:
            return pc.if_else(pa.array(keep), array, pa.scalar(None, TEXT))
        return pa.Array.from_buffers(TEXT, len(array), [bitmap(keep), offsets, content])

    def _too_long(self, array: pa.Array, sizes: Ints) -> list[tuple[int, Fault]]:
        assert self._length is not None
        suspects = np.flatnonzero(sizes > self._length)
        if not len(suspects):
            return []
        texts = array.take(pa.array(suspects)).to_pylist()
        return [
            (position, Fault(Reason.TOO_LONG, self._describe(text)))
            for position, text in zip(suspects.tolist(), texts, strict=True)
            if text is not None and len(text) > self._length
        ]

    def _describe(self, text: str) -> str:
        return f"{quoted(text)} has {counted(len(text), 'character')}, {self._name} holds {self._length}"


def _nul_bytes(array: pa.Array) -> list[tuple[int, Fault]]:
    suspects = np.flatnonzero(
        pc.match_substring(array, "\0").fill_null(fill_value=False).to_numpy(zero_copy_only=False)
    )
    texts = array.take(pa.array(suspects)).to_pylist()
    return [
        (position, Fault(Reason.BAD_ENCODING, f"{quoted(text)} holds a NUL byte"))
        for position, text in zip(suspects.tolist(), texts, strict=True)
    ]
