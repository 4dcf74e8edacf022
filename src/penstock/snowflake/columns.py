"""The columns of a table as Snowflake describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.model.columns import pair
from penstock.model.errors import ContractError
from penstock.model.manifest import Manifest
from penstock.snowflake.connect import MISSING
from penstock.snowflake.quoting import folded, identifier, literal, quoted


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
    """The table's columns by name; None if there is no such table.

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
