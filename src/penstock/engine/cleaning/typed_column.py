"""Cleans columns of Arrow types (Parquet): values are converted exactly to the target's type, or are faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.column_cleaners import ColumnCleaner
from penstock.engine.cleaning.null_values import Markers
from penstock.engine.cleaning.string_buffers import Mask, validity
from penstock.engine.cleaning.to_text import TEXT, as_texts, plain, whole_floats
from penstock.engine.cleaning.value_errors import NO_VALUE, Cleaned, Fault, quoted
from penstock.model.contract import Column, Kind
from penstock.model.result import Reason

_INTS: Final = {Kind.INT2: pa.int16(), Kind.INT4: pa.int32(), Kind.INT8: pa.int64()}
_FLOATS: Final = {Kind.FLOAT4: pa.float32(), Kind.FLOAT8: pa.float64()}
_WHOLE = frozenset(_INTS)
_JSON = frozenset(("json", "jsonb"))
_MOMENTS = frozenset((Kind.TIMESTAMP, Kind.TIMESTAMPTZ))
_FIRST_DAY, _LAST_DAY = -2_440_588, 2_145_042_540  # of the server's date
_FIRST_MICROSECOND = (
    -210_866_803_200_000_000
)  # of its timestamp; Arrow's last timestamp is before the server's
_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_MICROSECONDS = 1_000_000
_DAY_S = 86_400


class TypedColumn:
    """A column that arrives as texts or as values of an Arrow type.

    Values of the target's type family are converted directly, all others through their texts.

    Args:
        texts: The cleaner for texts.
    """

    def __init__(
        self, column: Column, texts: ColumnCleaner, listed: tuple[str, ...] | None, *, must: bool
    ) -> None:
        self.type: pa.DataType = texts.type
        self._column = column
        self._texts = texts
        self._markers = Markers(column, listed)
        self._must = must
        self._step = (
            1
            if column.precision is None or column.kind not in _MOMENTS
            else _MICROSECONDS // 10**column.precision
        )
        self._direct = not pa.types.is_large_string(texts.type)

    @property
    def is_json(self) -> bool:
        """Whether the target holds JSON."""
        return self._column.type in _JSON

    def clean(self, array: pa.Array, json: pa.Array | None = None) -> Cleaned:
        """Values of the target's type, and the faults.

        Args:
            json: The same values as JSON texts, which a JSON column receives.

        Raises:
            NeedsServer: If only the server can check a value.
        """
        if json is not None:
            if self._markers.listed:
                missing = pc.and_(pc.is_null(self._markers.blank_out(array)), pc.is_valid(json))
                json = pc.if_else(missing, pa.scalar(None, TEXT), json)
            return self._texts.clean(json)
        if array.type == TEXT:
            return self._texts.clean(array)
        array = plain(array)
        if pa.types.is_large_binary(array.type) or array.type == TEXT:
            checked = self._decoded(array)
            if checked is not None:
                return checked
        if self._markers.listed:
            array = self._markers.blank_out(array)
        convert = self._conversion(array.type) if self._direct else None
        if convert is None:
            return self._texts.clean(self._as_texts(array))
        values, wrong = convert(array)
        return self._cleaned(array, values, wrong)

    def _conversion(self, type_: pa.DataType) -> Callable[[pa.Array], tuple[pa.Array, Mask]] | None:
        kind, types = self._column.kind, pa.types
        if kind in _INTS and types.is_integer(type_):
            return self._integers
        if kind in _FLOATS and types.is_floating(type_):
            return self._floats
        if kind is Kind.DATE and (types.is_date(type_) or (types.is_timestamp(type_) and type_.tz is None)):
            return _dates
        if kind in _MOMENTS and (types.is_date(type_) or self._zone_fits(type_)):
            return self._moments
        if kind is Kind.NUMERIC and self._decimal_fits(type_):
            return self._same
        same = {Kind.BOOL: types.is_boolean, Kind.BYTEA: _is_bytes, Kind.UUID: _is_sixteen_bytes}.get(kind)
        return self._same if same is not None and same(type_) else None

    def _zone_fits(self, type_: pa.DataType) -> bool:
        if not pa.types.is_timestamp(type_):
            return False
        return type_.tz is None or self._column.kind is Kind.TIMESTAMPTZ

    def _decimal_fits(self, type_: pa.DataType) -> bool:
        """Whether the column can hold every value of this decimal type exactly."""
        column = self._column
        if not pa.types.is_decimal128(type_) or column.precision is None or column.scale is None:
            return False
        whole = type_.precision - type_.scale
        narrow = 0 <= type_.scale <= column.scale and whole <= column.precision - column.scale
        return bool(narrow and column.precision <= self.type.precision)

    def _same(self, array: pa.Array) -> tuple[pa.Array, Mask]:
        return pc.cast(array, self.type), np.zeros(len(array), np.bool_)

    def _integers(self, array: pa.Array) -> tuple[pa.Array, Mask]:
        numbers = array.fill_null(0).to_numpy(zero_copy_only=False)
        bounds = np.iinfo(self.type.to_pandas_dtype())
        wrong = (numbers < bounds.min) | (numbers > bounds.max)
        return pc.cast(array, self.type, safe=False), wrong

    def _floats(self, array: pa.Array) -> tuple[pa.Array, Mask]:
        values = pc.cast(array, self.type)
        before = array.fill_null(0).to_numpy(zero_copy_only=False)
        after = values.fill_null(0).to_numpy(zero_copy_only=False)
        return values, np.isfinite(before) & (np.isinf(after) | ((after == 0) & (before != 0)))

    def _moments(self, array: pa.Array) -> tuple[pa.Array, Mask]:
        if pa.types.is_date(array.type):
            days = pc.cast(array, pa.date32())
            array = pc.cast(pc.cast(days, pa.int32()), pa.int64())
            per_second, numbers = 1, array.fill_null(0).to_numpy(zero_copy_only=False) * _DAY_S
        else:
            per_second = _PER_SECOND[array.type.unit]
            numbers = pc.cast(array, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        if per_second <= _MICROSECONDS:
            factor = _MICROSECONDS // per_second
            wrong = (numbers > (2**63 - 1) // factor) | (numbers < _FIRST_MICROSECOND // factor)
            result = np.where(wrong, 0, numbers) * factor
        else:
            result, finer = np.divmod(numbers, per_second // _MICROSECONDS)
            wrong = finer != 0
        if self._step > 1:
            wrong |= result % self._step != 0
        present = validity(array)
        values = pa.array(result, pa.int64(), mask=None if present is None else ~present)
        return pc.cast(values, self.type), wrong

    def _as_texts(self, array: pa.Array) -> pa.Array:
        if self._column.kind not in _WHOLE:
            return as_texts(array)
        if pa.types.is_floating(array.type):
            return whole_floats(array)
        if pa.types.is_decimal(array.type):
            return pc.replace_substring_regex(as_texts(array), r"\.0+$", "")
        return as_texts(array)

    def _decoded(self, array: pa.Array) -> Cleaned | None:
        """Find texts that are not UTF-8; None if there are none."""
        if self._column.kind is Kind.BYTEA and array.type != TEXT:
            return None
        try:
            pc.cast(array, TEXT).validate(full=True)
        except pa.ArrowInvalid:
            pass
        else:
            return None
        texts = [_decode(value) for value in pc.cast(array, pa.large_binary()).to_pylist()]
        cleaned = self._texts.clean(
            pa.array([None if isinstance(text, Fault) else text for text in texts], TEXT)
        )
        faults = {position: text for position, text in enumerate(texts) if isinstance(text, Fault)}
        others = [(position, fault) for position, fault in cleaned.faults if position not in faults]
        return Cleaned(cleaned.values, others + list(faults.items()))

    def _cleaned(self, array: pa.Array, values: pa.Array, wrong: Mask) -> Cleaned:
        faults: list[tuple[int, Fault]] = []
        present = validity(array)
        if present is not None:
            wrong = wrong & present
            if self._must:
                faults += [(position, NO_VALUE) for position in np.flatnonzero(~present).tolist()]
        if wrong.any():
            places = np.flatnonzero(wrong)
            shown = as_texts(array.take(pa.array(places))).to_pylist()
            faults += [
                (place, self._refuse(array.type, text))
                for place, text in zip(places.tolist(), shown, strict=True)
            ]
        return Cleaned(values, faults)

    def _refuse(self, type_: pa.DataType, text: str) -> Fault:
        if self._column.kind is Kind.DATE and pa.types.is_timestamp(type_):
            return Fault(Reason.BAD_TYPE, f"invalid date {quoted(text)}")
        return Fault(Reason.OUT_OF_RANGE, f"{quoted(text)} is out of range for {self._column.type}")


def _dates(array: pa.Array) -> tuple[pa.Array, Mask]:
    """Dates, and timestamps at midnight."""
    if pa.types.is_timestamp(array.type):
        numbers = pc.cast(array, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        days, time_of_day = np.divmod(numbers, _PER_SECOND[array.type.unit] * _DAY_S)
        wrong = time_of_day != 0
    else:
        days = pc.cast(pc.cast(array, pa.date32()), pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
        wrong = np.zeros(len(array), np.bool_)
    wrong = wrong | (days < _FIRST_DAY) | (days > _LAST_DAY)
    present = validity(array)
    held = np.where(wrong, 0, days).astype(np.int32)
    values = pa.array(held, pa.int32(), mask=None if present is None else ~present)
    return pc.cast(values, pa.date32()), wrong


def _is_bytes(type_: pa.DataType) -> bool:
    return bool(pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_))


def _is_sixteen_bytes(type_: pa.DataType) -> bool:
    return bool(type_ == pa.binary(16))


def _decode(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        shown = quoted(value.decode("utf-8", "backslashreplace"))
        return Fault(Reason.BAD_ENCODING, f"{shown} is not valid UTF-8 at byte {error.start + 1}")
