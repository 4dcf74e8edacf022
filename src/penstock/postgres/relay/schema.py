"""Schemas: their tables in the order of foreign keys, and the keys themselves after all rows are loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Identifier

from penstock.model.connection import Connection
from penstock.model.errors import ContractError, SourceError, UsageError
from penstock.postgres.connect import PgConnection, connect, refused
from penstock.postgres.queries import queries
from penstock.postgres.relay.source_table import as_source_error
from penstock.postgres.relay.structure import qualified
from penstock.postgres.select import written

_SQL = queries(__package__, "schema.sql")
_ADDRESS = re.compile(r"([\w-]+):?([^.:/]*)")


@dataclass(frozen=True, slots=True)
class SchemaAddress:
    """``connection:schema``, or ``connection`` for its schema ``public``."""

    connection: str
    schema: str

    def table(self, name: str) -> str:
        """The address of a table of the schema."""
        return f"{self.connection}:{self.schema}.{name}"


def parse_schema(text: str) -> SchemaAddress:
    """Parse the address of a schema.

    Raises:
        UsageError: If it is not the address of a schema.

    Example:
        >>> parse_schema("source:shop")
        SchemaAddress(connection='source', schema='shop')
        >>> parse_schema("source").schema
        'public'
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise UsageError(
            f"invalid schema address {text!r}", hint="write it as connection or connection:schema"
        )
    return SchemaAddress(match[1], match[2] or "public")


@dataclass(frozen=True, slots=True)
class Contents:
    """The tables of a schema.

    Args:
        tables: Ordered so that a table comes after those that it refers to, unless references are circular.
        references: Foreign keys between them, from the catalog.
    """

    tables: tuple[str, ...]
    references: tuple[dict[str, Any], ...]


def read_contents(source: Connection, address: SchemaAddress) -> Contents:
    """The tables of a schema.

    Raises:
        SourceError: If it has no tables, or cannot be read.
    """
    with connect(source) as connection:
        try:
            with connection.transaction(), qualified(connection):
                tables = _rows(connection, "tables", address.schema)
                references = _rows(connection, "references", address.schema)
        except psycopg.Error as error:
            raise as_source_error(error, f"{address.connection}:{address.schema}") from None
    names = [row["name"] for row in tables]
    if not names:
        raise SourceError(
            f"{address.connection}:{address.schema} has no tables", hint="check the schema: connection:schema"
        )
    return Contents(tuple(in_order(names, references)), tuple(references))


def in_order(names: Sequence[str], references: Iterable[dict[str, Any]]) -> list[str]:
    """Sort tables so that referenced tables come first; circular references keep their order.

    Example:
        >>> in_order(["a", "b"], [{"table": "a", "referred": "b"}])
        ['b', 'a']
    """
    graph: dict[str, set[str]] = {name: set() for name in names}
    for row in references:
        if row["table"] != row["referred"]:
            graph[row["table"]].add(row["referred"])
    while True:
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = error.args[1]
            graph[circle[1]].discard(circle[0])


def add_references(target: Connection, address: SchemaAddress, contents: Contents, made: set[str]) -> None:
    """Add the source's foreign keys to the new tables.

    Args:
        made: Names of the new tables.

    Raises:
        ContractError: If a row violates a foreign key.
    """
    with connect(target) as connection:
        try:
            with connection.transaction():
                for row in contents.references:
                    if row["table"] in made and not _is_there(connection, address.schema, row):
                        connection.execute(_addition(address.schema, row))
        except psycopg.errors.ForeignKeyViolation as error:
            raise ContractError(
                f"the rows are copied, but {error.diag.message_primary} ({error.diag.message_detail})",
                hint="the source changed between two tables; run the copy again",
            ) from None
        except psycopg.Error as error:
            raise refused(error, f"adding foreign keys to {address.connection}:{address.schema}") from None


def _addition(schema: str, row: dict[str, Any]) -> Any:
    here: Composable = SQL(" REFERENCES {}(").format(Identifier(schema, row["referred"]))
    before, _, after = row["definition"].partition(row["head"])
    return SQL("ALTER TABLE {} ADD CONSTRAINT {} {}{}{}").format(
        Identifier(schema, row["table"]), Identifier(row["name"]), written(before), here, written(after)
    )


def _is_there(connection: PgConnection, schema: str, row: dict[str, Any]) -> bool:
    values = {"schema": schema, "table": row["table"], "name": row["name"]}
    found = connection.execute(_SQL["is_there"], values).fetchone()
    return found is not None and found["there"]


def _rows(connection: PgConnection, name: str, schema: str) -> list[dict[str, Any]]:
    return connection.execute(_SQL[name], {"schema": schema}).fetchall()
