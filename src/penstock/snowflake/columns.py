"""Columns of Snowflake tables: their types, and how names and texts are quoted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.model.columns import pair
from penstock.model.errors import ContractError
from penstock.model.manifest import ExportedColumn, Manifest
from penstock.snowflake.connect import MISSING


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column.

    Args:
        name: The name as stored by Snowflake.
        type: The type as written by Snowflake, such as ``NUMBER(38,0)``.
    """

    name: str
    type: str
    nullable: bool

    @property
    def quoted(self) -> str:
        """Its name, quoted."""
        return quoted(self.name)


def described(cursor: Any, table: str) -> dict[str, TableColumn] | None:
    """The table's columns by name; None if the table does not exist.

    Called before ``CREATE … IF NOT EXISTS``, which requires a privilege even if the object exists.

    Args:
        table: Quoted.
    """
    import snowflake.connector as connector

    try:
        cursor.execute(f"DESCRIBE TABLE {table}")
    except connector.errors.ProgrammingError as error:
        if error.errno not in MISSING:
            raise
        return None
    names = [column.name.lower() for column in cursor.description]
    found = {}
    for row in cursor.fetchall():
        one = dict(zip(names, row, strict=True))
        name = str(one["name"])
        found[name] = TableColumn(name, str(one["type"]).upper(), one["null?"] == "Y")
    return found or None


def make_schema(cursor: Any, name: str) -> None:
    """Make a missing schema: ``CREATE SCHEMA IF NOT EXISTS`` requires a privilege even if the schema exists."""
    cursor.execute(f"SELECT 1 FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME = {literal(folded(name))}")
    if cursor.fetchone() is None:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(name)}")


def matching(columns: Mapping[str, TableColumn], table: str, manifest: Manifest) -> list[TableColumn]:
    """The table's columns, in the order of the manifest's; names match by the rule of :mod:`penstock.model.columns`.

    Args:
        table: Its name in messages.

    Raises:
        ContractError: If the table lacks a column of the export, which ``COPY INTO`` would silently skip.
    """
    pairs = pair([column.name for column in manifest.columns], list(columns))
    missing = [column.name for column in manifest.columns if column.name not in pairs]
    if missing:
        raise ContractError(
            f"{table} has no column {', '.join(missing)}, which the export has",
            hint="add it, or export the others: --columns",
        )
    return [columns[pairs[column.name]] for column in manifest.columns]


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


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


def identifier(*parts: str) -> str:
    """A quoted identifier. Plain names are folded to upper case, as by Snowflake; others are kept.

    Example:
        >>> identifier("daily_operations", "labor"), identifier("Ship Mode")
        ('"DAILY_OPERATIONS"."LABOR"', '"Ship Mode"')
    """
    return ".".join(quoted(folded(part)) for part in parts)


def quoted(name: str) -> str:
    """A quoted identifier of a name as stored by Snowflake.

    Example:
        >>> print(quoted('6" shelf'))
        "6"" shelf"
    """
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def literal(text: str) -> str:
    """A string literal, for statements that do not accept parameters.

    Example:
        >>> print(literal("it's"))
        'it''s'
    """
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def folded(name: str) -> str:
    """The name as Snowflake stores it: plain names in upper case.

    Example:
        >>> folded("labor"), folded("Ship Mode")
        ('LABOR', 'Ship Mode')
    """
    return name.upper() if _PLAIN.fullmatch(name) else name
