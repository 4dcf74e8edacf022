"""Converts Arrow values of any type to texts as in a CSV file."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TEXT: Final = pa.large_string()


def plain(array: pa.Array) -> pa.Array:
    """The same values without dictionary, run-length or extension wrapping; all texts as ``large_string``."""
    type_ = array.type
    if isinstance(type_, pa.BaseExtensionType):
        return plain(array.storage)
    if pa.types.is_dictionary(type_):
        return plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(type_):
        return plain(pc.run_end_decode(array))
    if pa.types.is_null(type_):
        return pa.nulls(len(array), TEXT)
    if pa.types.is_string(type_) or pa.types.is_string_view(type_):
        return pc.cast(array, TEXT)
    if pa.types.is_binary_view(type_) or pa.types.is_binary(type_):
        return pc.cast(array, pa.large_binary())
    return array


def as_texts(array: pa.Array) -> pa.Array:
    r"""Each value's text: shortest digits of a float, ISO 8601 in UTC, JSON of nested values, ``\xNN`` of bytes
    that are not UTF-8.
    """
    array = plain(array)
    type_ = array.type
    if type_ == TEXT:
        return array
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_):
        return pa.array([_text_of_bytes(value) for value in array.to_pylist()], TEXT)
    if pa.types.is_nested(type_):
        return pa.array([_json(value) for value in array.to_pylist()], TEXT)
    if pa.types.is_timestamp(type_) and type_.tz is not None:
        # In UTC, without zone data. Arrow writes a wrong year for zoned moments beyond its range.
        utc = as_texts(array.view(pa.timestamp(type_.unit)))
        return pc.binary_join_element_wise(utc, pa.scalar("Z", TEXT), pa.scalar("", TEXT))
    if pa.types.is_decimal(type_):
        return pa.array([None if value is None else f"{value:f}" for value in array.to_pylist()], TEXT)
    texts = pc.cast(array, TEXT)
    return _far(array, texts) if pa.types.is_timestamp(type_) or pa.types.is_date(type_) else texts


def _far(array: pa.Array, texts: pa.Array) -> pa.Array:
    """The texts of moments, also of years that Arrow does not write: those beyond 32767."""
    far = pc.starts_with(texts, "<").fill_null(fill_value=False)
    if not far.true_count:
        return texts
    days = pa.types.is_date32(array.type)
    unit: Any = "D" if days else "ms" if pa.types.is_date(array.type) else array.type.unit
    numbers = array.filter(far).view(pa.int32() if days else pa.int64())
    written = np.datetime_as_string(
        numbers.to_numpy(zero_copy_only=False).astype(np.int64).view(f"M8[{unit}]"),
        unit="D" if pa.types.is_date(array.type) else unit,
    )
    shown = [
        f"{-(2**63)} {unit} since 1970" if text == "NaT" else text.replace("T", " ")
        for text in written.tolist()
    ]
    return pc.replace_with_mask(texts, far, pa.array(shown, TEXT))


def whole_floats(array: pa.Array) -> pa.Array:
    """Texts of floats; whole numbers without point and exponent."""
    numbers = array.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    whole = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < 2.0**63)
    digits = pc.cast(pa.array(np.where(whole, numbers, 0).astype(np.int64)), TEXT)
    texts = pc.if_else(pa.array(whole), digits, as_texts(array))
    return pc.if_else(array.is_valid(), texts, pa.scalar(None, TEXT))


def _text_of_bytes(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, default=str, ensure_ascii=False)
