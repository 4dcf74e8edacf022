"""The target column for an Arrow type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyarrow as pa

from penstock.engine.cleaning.column_cleaners import column_cleaner
from penstock.engine.cleaning.typed_column import TypedColumn
from penstock.model.contract import Column, Kind
from penstock.model.file_options import FileOptions

_CHECKED = frozenset(
    (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
)  # Arrow's range and precision are greater than the server's

_TYPES: Final[tuple[tuple[Callable[[pa.DataType], bool], Kind, str], ...]] = (
    (pa.types.is_boolean, Kind.BOOL, "boolean"),
    (lambda type_: type_ in {pa.int8(), pa.int16(), pa.uint8()}, Kind.INT2, "smallint"),
    (lambda type_: type_ in {pa.int32(), pa.uint16()}, Kind.INT4, "integer"),
    (lambda type_: type_ in {pa.int64(), pa.uint32()}, Kind.INT8, "bigint"),
    (pa.types.is_uint64, Kind.NUMERIC, "numeric"),
    (lambda type_: type_ in {pa.float16(), pa.float32()}, Kind.FLOAT4, "real"),
    (pa.types.is_float64, Kind.FLOAT8, "double precision"),
    (pa.types.is_date, Kind.DATE, "date"),
    (
        lambda type_: pa.types.is_timestamp(type_) and type_.tz is None,
        Kind.TIMESTAMP,
        "timestamp without time zone",
    ),
    (pa.types.is_timestamp, Kind.TIMESTAMPTZ, "timestamp with time zone"),
    (lambda type_: type_ in {pa.binary(), pa.large_binary()}, Kind.BYTEA, "bytea"),
    (pa.types.is_fixed_size_binary, Kind.BYTEA, "bytea"),
)


def column_of(name: str, type_: pa.DataType) -> Column:
    """The column type for values of this type; it may not hold all of them: see :func:`holds`."""
    if pa.types.is_decimal(type_) and 0 <= type_.scale <= type_.precision:
        written = f"numeric({type_.precision},{type_.scale})"
        return Column(
            name=name, type=written, kind=Kind.NUMERIC, precision=type_.precision, scale=type_.scale
        )
    if pa.types.is_decimal(type_):
        return Column(name=name, type="numeric", kind=Kind.NUMERIC)
    for matches, kind, written in _TYPES:
        if matches(type_):
            return Column(name=name, type=written, kind=kind)
    return Column(name=name, type="text", kind=Kind.TEXT)


def holds(column: Column, array: pa.Array) -> bool:
    """Whether the column can hold all of these values."""
    if column.kind not in _CHECKED:
        return True
    texts = column_cleaner(column, FileOptions(), must=False, as_text=False)
    return not TypedColumn(column, texts, None, must=False).clean(array).faults
