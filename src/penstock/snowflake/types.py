"""The Snowflake type that holds every value of an exported column."""

from __future__ import annotations

import re
from collections.abc import Mapping

from penstock.model.manifest import ExportedColumn

_DECIMAL = re.compile(r"decimal128\((\d+), (\d+)\)")
_MOST_DIGITS = 38

# By the type in the files, because a value such as a date at infinity turns a date column into text there.
_TYPES: Mapping[str, str] = {
    "bool": "BOOLEAN",
    "int16": "NUMBER(38,0)",
    "int32": "NUMBER(38,0)",
    "int64": "NUMBER(38,0)",
    "float": "FLOAT",
    "double": "FLOAT",
    "date32[day]": "DATE",
    "time64[us]": "TIME(6)",
    "timestamp[us]": "TIMESTAMP_NTZ(6)",
    "timestamp[us, tz=UTC]": "TIMESTAMP_TZ(6)",
    "binary": "BINARY",
}


def column_type(column: ExportedColumn) -> str:
    """The type of a new column. Types without a counterpart become text, including JSON.

    Example:
        >>> column_type(ExportedColumn(name="price", type="numeric(12,2)", stored="decimal128(12, 2)"))
        'NUMBER(12,2)'
        >>> column_type(ExportedColumn(name="tags", type="text[]", stored="string"))
        'VARCHAR'
    """
    decimal = _DECIMAL.fullmatch(column.stored)
    if decimal is not None and int(decimal[1]) <= _MOST_DIGITS:
        return f"NUMBER({decimal[1]},{decimal[2]})"
    return _TYPES.get(column.stored, "VARCHAR")
