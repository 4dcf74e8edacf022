"""Makes what a copy needs in the target database: tables, and partitions as rows need them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import LiteralString

from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.model.contract import Column, Contract
from penstock.model.plan import Granularity
from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries
from penstock.postgres.schemas import make_schema

_CATALOGUE = queries(__package__, "catalog.sql")
_SETTLE = queries(__package__, "merge.sql")
_BOUND = re.compile(r"FROM \('([^']+)'\) TO \('([^']+)'\)")


def declared(type_name: str) -> Composable:
    """A type as the server wrote it: from the catalogue or from our own table of types, never from a user."""
    text: LiteralString = type_name
    return SQL(text)


def create_table(connection: PgConnection, schema: str, table: str, columns: Sequence[Column]) -> None:
    """Make the table, and its schema where that is missing too."""
    make_schema(connection, schema)
    fields = SQL(", ").join(
        SQL("{} {}").format(Identifier(column.name), declared(column.type)) for column in columns
    )
    connection.execute(SQL("CREATE TABLE {} ({})").format(Identifier(schema, table), fields))


def add_primary_key(connection: PgConnection, schema: str, table: str, key: Sequence[str]) -> None:
    """Make the key of a table that was just filled: cheaper than keeping it while the rows come."""
    connection.execute(
        SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(
            Identifier(schema, table), SQL(", ").join(map(Identifier, key))
        )
    )


def make_partitions(connection: PgConnection, contract: Contract, oid: int, unit: Granularity) -> None:
    """Make the partitions that staged rows need and the table lacks. A default partition takes them all."""
    if contract.partition_column is None:
        return
    bounds = [row["bound"] for row in connection.execute(_CATALOGUE["partitions"], {"oid": oid})]
    if "DEFAULT" in bounds:
        return
    query = _SETTLE["periods"].format(unit=Literal(unit), column=Identifier(contract.partition_column))
    starts = [row["start"] for row in connection.execute(query)]
    for start in _uncovered(starts, bounds):
        connection.execute(
            SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                Identifier(contract.schema, f"{contract.table}_{_suffix(start, unit)}"),
                Identifier(contract.schema, contract.table),
                Literal(start.isoformat()),
                Literal(_following(start, unit).isoformat()),
            )
        )


def _uncovered(starts: Iterable[date], bounds: Iterable[str]) -> list[date]:
    # Dates and timestamps in ISO form sort as text.
    ranges = [match.groups() for bound in bounds if (match := _BOUND.search(bound))]
    return [day for day in starts if not any(low[:10] <= day.isoformat() < high[:10] for low, high in ranges)]


def _suffix(start: date, unit: Granularity) -> str:
    return {"day": f"{start:%Y_%m_%d}", "month": f"{start:%Y_%m}", "year": f"{start:%Y}"}[unit]


def _following(start: date, unit: Granularity) -> date:
    if unit == "day":
        return date.fromordinal(start.toordinal() + 1)
    if unit == "year":
        return date(start.year + 1, 1, 1)
    return date(start.year + start.month // 12, start.month % 12 + 1, 1)
