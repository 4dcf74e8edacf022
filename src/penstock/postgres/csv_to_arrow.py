"""Parses the server's CSV into Arrow batches of exact types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from penstock.model.errors import SourceError
from penstock.ports import Rows, Unrepresentable

_COLUMN = re.compile(r"CSV column #(\d+)")
_DIGITS = np.full(256, 255, np.uint8)
_DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16, dtype=np.uint8)


class TextParser:
    """Parses the server's CSV with ``DateStyle = ISO``, ``TimeZone = UTC`` and ``bytea_output = hex``.

    Arrow's own parser is exact: a decimal that does not fit, ``infinity``, a year before 1 or after 9999 and
    ``24:00:00`` are errors, and never another value.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        self.schema = pa.schema([field.to_arrow() for field in fields])
        # By number, because a query may return several columns of one name.
        names = [str(place) for place in range(len(fields))]
        self._names = names
        self._convert = pa_csv.ConvertOptions(
            column_types={name: _parsed(f.arrow) for name, f in zip(names, fields, strict=True)},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        )
        self._parse = pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)

    def parse(self, rows: Rows) -> pa.RecordBatch:
        """The rows in their types.

        Raises:
            Unrepresentable: If a value has no counterpart in its column's type.
            SourceError: If a text is not UTF-8.
        """
        reading = pa_csv.ReadOptions(
            use_threads=False, block_size=len(rows.text) + 1, column_names=self._names
        )
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(rows.text),
                read_options=reading,
                parse_options=self._parse,
                convert_options=self._convert,
            )
        except pa.ArrowInvalid as error:
            raise self._unrepresentable(error) from None
        columns = [self._column(*pair) for pair in zip(table.columns, self._fields, strict=True)]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _column(self, column: pa.ChunkedArray, field: Field) -> pa.Array:
        try:
            return _typed(column, field.arrow)
        except pa.ArrowInvalid as error:
            raise Unrepresentable(field.name) from error

    def _unrepresentable(self, error: pa.ArrowInvalid) -> Exception:
        place = _COLUMN.search(str(error))
        if place is None:
            return SourceError(f"cannot parse the server's rows: {error}", hint="please report this as a bug")
        field = self._fields[int(place[1])]
        if field.arrow == pa.string():
            return SourceError(
                f"column {field.name!r} holds text that is not UTF-8",
                hint="the database's encoding is SQL_ASCII: fix the text, or leave the column out",
            )
        return Unrepresentable(field.name)


def _parsed(arrow: pa.DataType) -> pa.DataType:
    """The type for Arrow's parser, which does not support JSON, hexadecimal and the widest decimals."""
    if pa.types.is_binary(arrow) or pa.types.is_decimal256(arrow) or isinstance(arrow, pa.JsonType):
        return pa.string()
    return arrow


def _typed(column: pa.ChunkedArray, arrow: pa.DataType) -> pa.Array:
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_decimal256(arrow):
        return array.cast(arrow)
    if isinstance(arrow, pa.JsonType):
        return pa.ExtensionArray.from_storage(arrow, array)
    return _from_hex(array) if pa.types.is_binary(arrow) else array


def _from_hex(texts: pa.Array) -> pa.Array:
    r"""Decode bytes written as ``\x`` and two digits each."""
    validity, ends, data = texts.buffers()
    offsets = np.frombuffer(ends, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]]
    digits = _DIGITS[letters]
    digits = digits[digits < 16]  # the prefix \x contains no hexadecimal digit
    lengths = np.maximum(np.diff(offsets) - 2, 0) // 2  # a null has no characters
    made = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    buffers = [validity, pa.py_buffer(made), pa.py_buffer((digits[::2] << 4) | digits[1::2])]
    return pa.Array.from_buffers(pa.binary(), len(texts), buffers, offset=0)


TYPE_KEY = b"penstock:type"
_MOST_DIGITS = 76  # digits of Arrow's widest decimal
_NARROW_DIGITS = 38

_PLAIN: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "bytea": pa.binary(),
    "json": pa.json_(pa.string()),
    "jsonb": pa.json_(pa.string()),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a query.

    Args:
        type: The type as the server writes it, such as ``numeric(12,2)``.
        arrow: The Arrow type. Types without an exact counterpart, such as arrays, ranges and enums, are kept as the
            server's text, which the server can read back.
        unmeasured: It is an unconstrained numeric: whether a decimal holds its values depends on the values.
    """

    name: str
    type: str
    arrow: pa.DataType
    unmeasured: bool = False

    def as_text(self) -> Field:
        """The same column as the server's text."""
        return Field(self.name, self.type, pa.string())

    def to_arrow(self) -> pa.Field:
        """With the server's type in its metadata."""
        return pa.field(self.name, self.arrow, metadata={TYPE_KEY: self.type.encode()})


def field_of(name: str, base: str, typmod: int, type_name: str) -> Field:
    """The column of this base type.

    Example:
        >>> field_of("price", "numeric", (12 << 16 | 2) + 4, "numeric(12,2)").arrow
        Decimal128Type(decimal128(12, 2))
        >>> field_of("tags", "_text", -1, "text[]").arrow
        DataType(string)
    """
    if base != "numeric":
        return Field(name, type_name, _PLAIN.get(base, pa.string()))
    if typmod < 0:
        return Field(name, type_name, pa.string(), unmeasured=True)
    declared = typmod - 4  # the type modifier is the length plus 4
    precision, scale = declared >> 16, declared & 0x7FF
    scale -= 0x800 if scale >= 0x400 else 0  # eleven bits, signed since PostgreSQL 15
    # numeric(3,-2) holds multiples of 100 with up to five digits, numeric(2,4) has four decimals.
    return Field(name, type_name, decimal(max(precision - min(scale, 0), scale), max(scale, 0)))


def decimal(precision: int, scale: int) -> pa.DataType:
    """The narrowest decimal type with this many digits, or text if there is none.

    Example:
        >>> decimal(12, 2), decimal(50, 2), decimal(100, 2)
        (Decimal128Type(decimal128(12, 2)), Decimal256Type(decimal256(50, 2)), DataType(string))
    """
    if precision <= _NARROW_DIGITS:
        return pa.decimal128(precision, scale)
    return pa.decimal256(precision, scale) if precision <= _MOST_DIGITS else pa.string()
