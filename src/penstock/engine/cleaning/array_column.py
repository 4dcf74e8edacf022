"""Turns JSON arrays into the text that the server reads as an array."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.null_values import Markers
from penstock.engine.cleaning.string_buffers import BLANKS
from penstock.engine.cleaning.text_column import TextColumn
from penstock.engine.cleaning.to_text import TEXT
from penstock.engine.cleaning.value_errors import Cleaned
from penstock.model.contract import Column, Kind

# Bytes within JSON have no form that the server reads.
_LEFT: Final = ("bytea",)


def is_array(column: Column) -> bool:
    """Whether it is a column of arrays that JSON arrays can become."""
    return column.kind is Kind.OTHER and column.type.endswith("[]") and not column.type.startswith(_LEFT)


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


_DECODER: Final = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number)


class ArrayColumn:
    """A column of arrays: texts in the server's form, or JSON arrays, for the server to parse."""

    type: pa.DataType = TEXT

    def __init__(self, column: Column, markers: Markers, *, must: bool) -> None:
        self._texts = TextColumn(column, markers, must=must)
        self._json = column.type.startswith("json")

    def clean(self, array: pa.Array) -> Cleaned:
        """The texts, null where they mean "missing"."""
        cleaned = self._texts.clean(array)
        begun = pc.match_substring_regex(cleaned.values, r"^\s*\[").fill_null(fill_value=False)
        if begun.true_count:
            places = np.flatnonzero(begun.to_numpy(zero_copy_only=False))
            written = [self._written(text) for text in cleaned.values.take(pa.array(places)).to_pylist()]
            cleaned.values = pc.replace_with_mask(cleaned.values, begun, pa.array(written, TEXT))
        return cleaned

    def _written(self, text: str) -> str:
        try:
            return self._array(_DECODER.decode(text.strip(BLANKS)))
        except (ValueError, RecursionError):
            return text  # such as [1:2]={3,4}

    def _array(self, values: list[Any]) -> str:
        return "{" + ",".join(self._element(value) for value in values) + "}"

    def _element(self, value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, list) and not self._json:
            return self._array(value)
        text: str = value if isinstance(value, str) and not self._json else _json(value)
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _json(value: Any) -> str:
    """JSON text with every number as it is written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}: {_json(member)}" for key, member in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
