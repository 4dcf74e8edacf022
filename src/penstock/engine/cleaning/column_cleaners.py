"""Selects the cleaner of a target column."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from penstock.engine.cleaning.array_column import ArrayColumn, is_array
from penstock.engine.cleaning.dates import Dates
from penstock.engine.cleaning.literals import Booleans, Hexadecimals, Uuids
from penstock.engine.cleaning.notation import NotedColumn, needs_notation, without_list
from penstock.engine.cleaning.null_values import Markers
from penstock.engine.cleaning.numbers import Floats, Integers
from penstock.engine.cleaning.numeric import Numerics
from penstock.engine.cleaning.parsed_column import CodedColumn
from penstock.engine.cleaning.string_buffers import Codec
from penstock.engine.cleaning.text_column import TextColumn
from penstock.engine.cleaning.time_column import TimeColumn, is_time
from penstock.engine.cleaning.timestamps import Moments
from penstock.engine.cleaning.value_errors import Cleaned
from penstock.model.contract import Column, Kind
from penstock.model.file_options import FileOptions


class ColumnCleaner(Protocol):
    """Converts texts of the source to one target column."""

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the values."""

    def clean(self, array: pa.Array) -> Cleaned:
        """The values of these texts."""


def column_cleaner(column: Column, options: FileOptions, *, must: bool, as_text: bool) -> ColumnCleaner:
    """The cleaner of this column for values that arrive as texts.

    Args:
        must: A missing value is a fault.
        as_text: Send all values to the server as text.
    """
    values = column.base or column
    if not needs_notation(values, options):
        return _server_texts(column, options, must=must, as_text=as_text)
    inner = _server_texts(column, without_list(options), must=must, as_text=as_text)
    return NotedColumn(values, inner, options)


def _server_texts(column: Column, options: FileOptions, *, must: bool, as_text: bool) -> ColumnCleaner:
    """The cleaner for values that are written as the server reads them."""
    markers = Markers(column, options.null_values)
    if column.base is not None and not is_time(column.base):
        codec = _codec(column.base, options.date_format)
        return CodedColumn(column.base, codec, markers, must=must, as_text=True)
    if is_time(column.base or column):
        return TimeColumn(column.base or column, markers, must=must)
    if is_array(column):
        return ArrayColumn(column, markers, must=must)
    if column.kind in {Kind.TEXT, Kind.OTHER}:
        return TextColumn(column, markers, must=must)
    codec = _codec(column, options.date_format)
    return CodedColumn(column, codec, markers, must=must, as_text=as_text)


def _codec(column: Column, date_format: str | None) -> Codec:
    match column.kind:
        case Kind.BOOL:
            return Booleans()
        case Kind.INT2 | Kind.INT4 | Kind.INT8:
            return Integers(column)
        case Kind.FLOAT4 | Kind.FLOAT8:
            return Floats(column)
        case Kind.NUMERIC:
            return Numerics(column)
        case Kind.BYTEA:
            return Hexadecimals()
        case Kind.UUID:
            return Uuids()
        case Kind.DATE:
            return Dates(date_format)
        case _:
            return Moments(zoned=column.kind is Kind.TIMESTAMPTZ, precision=column.precision)
