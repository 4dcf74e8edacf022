"""A whole schema: its tables in the order of their foreign keys, and the keys themselves once all rows are there."""

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
        """The address of one of its tables."""
        return f"{self.connection}:{self.schema}.{name}"


def parse_schema(text: str) -> SchemaAddress:
    """The schema that an address names.

    Raises:
        UsageError: If it names something else.

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
    """What is in a schema.

    Args:
        tables: In an order in which a table comes after those that it refers to, where there is one.
        references: Foreign keys among them, as the catalogue tells them.
    """

    tables: tuple[str, ...]
    references: tuple[dict[str, Any], ...]


def read_contents(source: Connection, address: SchemaAddress) -> Contents:
    """The tables of a schema.

    Raises:
        SourceError: If it has none, or cannot be read.
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
    """Tables that others refer to before those; as they come where they refer to one another in a circle.

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
    """Give tables that were made here the foreign keys that they have at the source.

    Args:
        made: Names of those tables.

    Raises:
        ContractError: If rows refer to none.
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
