"""Schemas: their tables in the order of foreign keys, and which of them are linked by foreign keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import psycopg

from penstock.model.address import quoted, unquoted
from penstock.model.connection import Connection
from penstock.model.errors import SourceError, UsageError
from penstock.postgres.connect import PgConnection, connect
from penstock.postgres.queries import queries
from penstock.postgres.relay.source_table import as_source_error
from penstock.postgres.relay.structure import qualified

_SQL = queries(__package__, "schema.sql")
_ADDRESS = re.compile(r'([\w-]+):?("(?:[^"]|"")+"|[^.:/"]*)')


@dataclass(frozen=True, slots=True)
class SchemaAddress:
    """``connection:schema``, or ``connection`` for its schema ``public``."""

    connection: str
    schema: str

    def table(self, name: str) -> str:
        """The address of a table of the schema."""
        return f"{self.connection}:{quoted(self.schema)}.{quoted(name)}"


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
    return SchemaAddress(match[1], unquoted(match[2] or "public"))


@dataclass(frozen=True, slots=True)
class Contents:
    """The tables of a schema.

    Args:
        tables: Their names.
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
    return Contents(tuple(names), tuple(references))


def lacking(source: Connection, theirs: str, target: Connection, ours: str) -> dict[str, list[str]]:
    """What a schema of the source has, and the target lacks, of what is not copied: names by kind.

    Raises:
        SourceError: If a catalog cannot be read.
    """
    found = []
    for described, schema in ((source, theirs), (target, ours)):
        with connect(described) as connection:
            try:
                found.append([(row["kind"], row["name"]) for row in _rows(connection, "objects", schema)])
            except psycopg.Error as error:
                raise as_source_error(error, f"{described.name}:{schema}") from None
    left: dict[str, list[str]] = {}
    for kind, name in found[0]:
        if (kind, name) not in found[1]:
            left.setdefault(kind, []).append(name)
    return left


def linked(names: Sequence[str], references: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Group tables that foreign keys link, directly or through others. In a group, referenced tables come first.

    Example:
        >>> linked(["a", "b", "c"], [{"root": "a", "referred_root": "c"}])
        [['c', 'a'], ['b']]
    """
    groups = {name: {name} for name in names}
    for row in references:
        mine, other = groups.get(row["root"]), groups.get(row["referred_root"])
        if mine is not None and other is not None and mine is not other:
            mine |= other
            groups.update(dict.fromkeys(other, mine))
    order = in_order(names, references)
    distinct = {id(group): group for group in (groups[name] for name in names)}
    return [[name for name in order if name in group] for group in distinct.values()]


def in_order(names: Sequence[str], references: Iterable[dict[str, Any]]) -> list[str]:
    """Sort tables so that referenced tables come first; circular references keep their order.

    Example:
        >>> in_order(["a", "b"], [{"root": "a", "referred_root": "b"}])
        ['b', 'a']
    """
    graph: dict[str, set[str]] = {name: set() for name in names}
    for row in references:
        if row["root"] != row["referred_root"] and {row["root"], row["referred_root"]} <= graph.keys():
            graph[row["root"]].add(row["referred_root"])
    while True:
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = error.args[1]
            graph[circle[1]].discard(circle[0])


def _rows(connection: PgConnection, name: str, schema: str) -> list[dict[str, Any]]:
    return connection.execute(_SQL[name], {"schema": schema}).fetchall()
