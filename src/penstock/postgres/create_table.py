"""Creates schemas, tables and partitions in the target database."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, LiteralString

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.contract import Column, Contract
from penstock.model.plan import Granularity
from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries

_CATALOGUE = queries(__package__, "catalog.sql")
_SETTLE = queries(__package__, "merge.sql")
_BOUND = re.compile(r"FROM \('?([^')]+)'?\) TO \('?([^')]+)'?\)")
_SUFFIXES = {"day": "YYYY_MM_DD", "month": "YYYY_MM", "year": "YYYY"}


def declared(type_name: str) -> Composable:
    """A type's SQL, from the catalog or from Penstock's own types, never from user input."""
    text: LiteralString = type_name
    return SQL(text)


def create_table(connection: PgConnection, schema: str, table: str, columns: Sequence[Column]) -> None:
    """Create the table, and its schema if missing."""
    make_schema(connection, schema)
    connection.execute(definition(schema, table, columns))


def definition(schema: str, table: str, columns: Sequence[Column], key: Sequence[str] = ()) -> Composed:
    """The statement that creates a table.

    Example:
        >>> from penstock.model.contract import Kind
        >>> print(definition("raw", "sales", [Column(name="id", type="bigint", kind=Kind.INT8)], ["id"]).as_string())
        CREATE TABLE "raw"."sales" (
            "id" bigint,
            PRIMARY KEY ("id")
        )
    """
    parts = [SQL("{} {}").format(Identifier(column.name), declared(column.type)) for column in columns]
    if key:
        parts.append(SQL("PRIMARY KEY ({})").format(SQL(", ").join(map(Identifier, key))))
    lines = SQL(",\n    ").join(parts)
    name = Identifier(schema, table) if schema else Identifier(table)
    return SQL("CREATE TABLE {} (\n    {}\n)").format(name, lines)


def add_primary_key(connection: PgConnection, schema: str, table: str, key: Sequence[str]) -> None:
    """Create the primary key after the rows are loaded, which is faster than maintaining it during the load."""
    connection.execute(
        SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(
            Identifier(schema, table), SQL(", ").join(map(Identifier, key))
        )
    )


def make_partitions(connection: PgConnection, contract: Contract, oid: int, unit: Granularity) -> None:
    """Create the missing partitions that staged rows need. With a default partition, none are missing."""
    if contract.partition_column is None:
        return
    bounds = [row["bound"] for row in connection.execute(_CATALOGUE["partitions"], {"oid": oid})]
    if "DEFAULT" in bounds:
        return
    ranges = [match.groups() for bound in bounds if (match := _BOUND.search(bound))]
    query = _SETTLE["periods"].format(
        unit=Literal(unit),
        suffix=Literal(_SUFFIXES[unit]),
        column=Identifier(contract.partition_column),
        lows=Literal([low for low, _ in ranges]),
        highs=Literal([high for _, high in ranges]),
    )
    for period in connection.execute(query).fetchall():
        connection.execute(
            SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                Identifier(contract.schema, f"{contract.table}_{period['suffix']}"),
                Identifier(contract.schema, contract.table),
                Literal(period["low"]),
                Literal(period["high"]),
            )
        )


# Not named penstock: it would be in the search path of a login of that name, as in the embedded servers.
LEDGER = "penstock_ledger"


def make_schema(connection: PgConnection, name: str, run: Callable[[Composed], Any] | None = None) -> None:
    """Create a missing schema: ``CREATE SCHEMA IF NOT EXISTS`` requires the privilege even if the schema exists.

    Args:
        run: Runs the statement; by default the connection.
    """
    row = connection.execute("SELECT to_regnamespace(quote_ident(%s)) IS NULL AS missing", [name]).fetchone()
    if row is not None and row["missing"]:
        # Another session may create it at the same time.
        (run or connection.execute)(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(name)))
