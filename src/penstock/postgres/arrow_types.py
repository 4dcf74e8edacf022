"""The lossless Arrow type of a Postgres column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

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
