"""Values of Parquet as JSON, and the values in them that no text or time can hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.to_text import TEXT, as_texts
from penstock.engine.cleaning.value_errors import Fault, quoted
from penstock.files.record_splitter import Offsets
from penstock.model.result import Reason

_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A value that nothing can hold, and how it is shown."""

    shown: str
    fault: Fault


class _Found(Exception):
    def __init__(self, wrong: _Wrong) -> None:
        super().__init__()
        self.wrong = wrong


def flat(array: pa.Array) -> tuple[pa.Array, dict[int, Fault]]:
    """The array without dictionary and extension types, nested values as JSON text, and the faults by position.

    A faulty text is null in the array.
    """
    if isinstance(array, pa.ExtensionArray):
        return flat(array.storage)
    if pa.types.is_dictionary(array.type):
        return flat(array.dictionary_decode())
    if pa.types.is_nested(array.type):
        return _json_column(array)
    if _is_text(array.type):
        return _text_column(array)
    if pa.types.is_time(array.type) and _beyond_a_day(array).any():
        found = {at: value.fault for at, value in enumerate(_values(array)) if isinstance(value, _Wrong)}
        return array, found
    return array, {}


def row_texts(found: pa.RecordBatch, positions: Offsets) -> list[str]:
    """The rows at these positions, as JSON texts."""
    taken = found.take(pa.array(positions, pa.int64()))
    columns = [[_shown(value) for value in _values(array)] for array in taken.columns]
    return [
        json.dumps(dict(zip(found.schema.names, row, strict=True)), ensure_ascii=False, default=_plain)
        for row in (zip(*columns, strict=True) if columns else [()] * len(taken))
    ]


def _json_column(array: pa.Array) -> tuple[pa.Array, dict[int, Fault]]:
    texts: list[str | None] = []
    faults = {}
    for at, value in enumerate(_values(array)):
        try:
            texts.append(None if value is None else json.dumps(value, ensure_ascii=False, default=_encoded))
        except _Found as found:
            texts.append(None)
            faults[at] = found.wrong.fault
    return pa.array(texts, TEXT), faults


def _text_column(array: pa.Array) -> tuple[pa.Array, dict[int, Fault]]:
    """The texts, without those that are not UTF-8 or hold a NUL, which databases cannot store."""
    faults: dict[int, Fault] = {}
    if not _is_valid(array):
        values = _values(array)
        faults = {at: value.fault for at, value in enumerate(values) if isinstance(value, _Wrong)}
        array = pa.array([None if isinstance(value, _Wrong) else value for value in values], array.type)
    if pa.types.is_string_view(array.type):
        array = pc.cast(array, TEXT)
    nul = pc.fill_null(pc.match_substring(array, "\0"), False)
    if nul.true_count:
        for at in np.flatnonzero(nul.to_numpy(zero_copy_only=False)).tolist():
            faults[at] = Fault(Reason.BAD_ENCODING, "a text that holds a NUL character")
    return array, faults


def _values(array: pa.Array) -> list[object]:
    """The values as JSON has them: moments as exact texts, because Python holds only the years from 1 to 9999."""
    type_, types = array.type, pa.types
    if isinstance(array, pa.ExtensionArray):
        return array.to_pylist() if isinstance(type_, pa.UuidType) else _values(array.storage)
    if types.is_dictionary(type_):
        return _values(array.dictionary_decode())
    for matches, convert in _NESTED:
        if matches(type_):
            return convert(array)
    if types.is_time(type_):
        return _times(array)
    if types.is_temporal(type_):
        return as_texts(array).to_pylist()  # type: ignore[no-any-return]
    if _is_text(type_) and not _is_valid(array):
        return [
            None if value is None else _decoded(value)
            for value in pc.cast(array, pa.large_binary()).to_pylist()
        ]
    return array.to_pylist()  # type: ignore[no-any-return]


def _times(array: pa.Array) -> list[object]:
    wrong = _beyond_a_day(array)
    texts = as_texts(array).to_pylist()
    if wrong.any():
        number = pc.cast(array, pa.int32() if pa.types.is_time32(array.type) else pa.int64())
        for at in np.flatnonzero(wrong).tolist():
            shown = f"{number[at].as_py()} {array.type.unit}"
            fault = Fault(Reason.OUT_OF_RANGE, f"{quoted(shown)} after midnight is not a time of a day")
            texts[at] = _Wrong(shown, fault)
    return texts  # type: ignore[no-any-return]


def _beyond_a_day(array: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    number = pc.cast(array, pa.int32() if pa.types.is_time32(array.type) else pa.int64())
    values = number.fill_null(0).to_numpy(zero_copy_only=False)
    return (values < 0) | (values >= _DAY_S * _PER_SECOND[array.type.unit])  # type: ignore[no-any-return]


def _structs(array: pa.Array) -> list[object]:
    names = [field.name for field in array.type]
    columns = [_values(column) for column in array.flatten()]
    rows = zip(*columns, strict=True) if columns else [()] * len(array)
    present = array.is_valid().to_pylist()
    return [
        _members(list(zip(names, row, strict=True))) if there else None
        for row, there in zip(rows, present, strict=True)
    ]


def _lists(array: pa.Array) -> list[object]:
    values = _values(array.flatten())
    ends = np.cumsum(pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)).tolist()
    present = array.is_valid().to_pylist()
    return [
        values[begin:end] if there else None
        for begin, end, there in zip([0, *ends], ends, present, strict=False)
    ]


def _maps(array: pa.Array) -> list[object]:
    keys, items, bounds = _values(array.keys), _values(array.items), array.offsets.to_pylist()
    present = array.is_valid().to_pylist()
    return [
        _members(list(zip(keys[begin:end], items[begin:end], strict=True))) if there else None
        for begin, end, there in zip(bounds, bounds[1:], present, strict=False)
    ]


def _members(pairs: list[tuple[object, object]]) -> object:
    """An object; a list of pairs if a name comes twice, so that nothing is lost."""
    names = [None if isinstance(key, _Wrong) else _name(key) for key, _ in pairs]
    if None in names or len(set(names)) < len(names):
        return pairs
    return {name: value for name, (_, value) in zip(names, pairs, strict=True)}


def _name(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(key, default=_plain).strip('"')


def _is_text(type_: pa.DataType) -> bool:
    return any(
        matches(type_) for matches in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _is_valid(array: pa.Array) -> bool:
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _decoded(value: bytes) -> str | _Wrong:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        shown = value.decode("utf-8", "backslashreplace")
        message = f"{quoted(shown)} is not valid UTF-8 at byte {error.start + 1}"
        return _Wrong(shown, Fault(Reason.BAD_ENCODING, message))


def _shown(value: object) -> object:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    value = value.shown if isinstance(value, _Wrong) else value
    return value.replace("\0", "\\x00") if isinstance(value, str) else value


def _encoded(value: object) -> str:
    if isinstance(value, _Wrong):
        raise _Found(value)
    return _plain(value)


def _plain(value: object) -> str:
    """Encode types that JSON lacks: bytes and decimals."""
    if isinstance(value, _Wrong):
        return value.shown
    return value.hex() if isinstance(value, bytes) else str(value)


def _is_list(type_: pa.DataType) -> bool:
    matches = ("list", "large_list", "fixed_size_list", "list_view", "large_list_view")
    return any(getattr(pa.types, f"is_{name}")(type_) for name in matches)


_NESTED: Final[tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], list[object]]], ...]] = (
    (pa.types.is_struct, _structs),
    (pa.types.is_map, _maps),
    (_is_list, _lists),
)
