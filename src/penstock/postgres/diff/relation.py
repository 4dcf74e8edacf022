"""The sides of a comparison: tables or queries, each in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg.rows import TupleRow, tuple_row
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.errors import ContractError
from penstock.postgres.queries import queries

QUERIES = queries(__package__, "compare.sql")

_CANCEL_S = 0.05

Statement = SQL | Composed
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Type:
    """A column's type.

    Args:
        base: Its name in the catalog: ``int4``.
        plain: Whether it is a built-in base type: not an enum, domain, range or row.
        name: Its SQL name: ``integer``.
    """

    base: str
    plain: bool
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side, made by :func:`table` or :func:`query` in a transaction of the caller.

    Args:
        connection: In a ``REPEATABLE READ`` transaction, so that all queries see the same snapshot.
        name: Its name in messages.
        relation: The relation after ``FROM``.
        columns: The types of its columns, in order.
        required: Columns that never hold null.
        primary_key: The columns of its primary key; empty if it has none.
        encoding: The database's encoding.
    """

    connection: psycopg.Connection[Any]
    name: str
    relation: Composable
    columns: Mapping[str, Type]
    required: frozenset[str] = frozenset()
    primary_key: tuple[str, ...] = field(default=())
    encoding: str = "UTF8"

    def rows(self, query: Statement) -> list[TupleRow]:
        """All rows of a query, as tuples."""
        with self.connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(query).fetchall()


def table(connection: psycopg.Connection[Any], schema: str, name: str, *, label: str | None = None) -> Side:
    """A table, a view or a foreign table.

    Args:
        label: Its name in messages; default ``schema.name``.

    Raises:
        ContractError: If the table does not exist.

    Example:
        >>> from penstock.lookup.connections import find
        >>> from penstock.postgres.connect import connect
        >>> with connect(find("warehouse")) as connection:
        ...     table(connection, "public", "product").primary_key
        ('product_id',)
    """
    label = label or f"{schema}.{name}"
    _print_one_way(connection)
    found = _fetch(connection, QUERIES["table"].format(schema=Literal(schema), table=Literal(name)))
    if not found:
        raise ContractError(f"no table {label}", hint="check schema and name; both are case-sensitive")
    oid = Literal(found[0][0])
    return Side(
        connection=connection,
        name=label,
        relation=Identifier(schema, name),
        columns=_columns(connection, Identifier(schema, name)),
        required=frozenset(row[0] for row in _fetch(connection, QUERIES["required"].format(table=oid))),
        primary_key=tuple(row[0] for row in _fetch(connection, QUERIES["primary_key"].format(table=oid))),
        encoding=_encoding(connection),
    )


def query(connection: psycopg.Connection[Any], text: Composable, *, label: str) -> Side:
    """The rows of a SELECT, which may rename, cast and filter.

    Example:
        >>> from penstock.lookup.connections import find
        >>> from penstock.postgres.connect import connect
        >>> with connect(find("source")) as connection:
        ...     list(query(connection, SQL("SELECT product_id AS id FROM product"), label="source").columns)
        ['id']
    """
    relation = SQL("({})").format(text)
    _print_one_way(connection)
    return Side(
        connection=connection,
        name=label,
        relation=relation,
        columns=_columns(connection, relation),
        encoding=_encoding(connection),
    )


def both(work: Callable[[Side], Result], left: Side, right: Side) -> tuple[Result, Result]:
    """Run a function on both servers in parallel; when one fails, the other is cancelled."""
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(work, side) for side in (left, right)]
        try:
            for done in wait(futures, return_when=FIRST_EXCEPTION).done:
                done.result()
        except BaseException:
            # Repeatedly: a cancel request between two statements has no effect.
            while wait(futures, timeout=_CANCEL_S).not_done:
                left.connection.cancel()
                right.connection.cancel()
            raise
        return futures[0].result(), futures[1].result()


def _print_one_way(connection: psycopg.Connection[Any]) -> None:
    _fetch(connection, QUERIES["one_way_to_print"])


def _columns(connection: psycopg.Connection[Any], relation: Composable) -> dict[str, Type]:
    with connection.cursor() as cursor:
        cursor.execute(QUERIES["describe"].format(relation=SQL("{} AS compared").format(relation)))
        described = [(column.name, column.type_code) for column in cursor.description or ()]
    oids = Literal(sorted({oid for _, oid in described}))
    types = {
        oid: Type(base, kind == "b", name)
        for oid, base, kind, name in _fetch(connection, QUERIES["types"].format(types=oids))
    }
    return {name: types[oid] for name, oid in described}


def _encoding(connection: psycopg.Connection[Any]) -> str:
    return str(_fetch(connection, QUERIES["encoding"])[0][0])


def _fetch(connection: psycopg.Connection[Any], query: Statement) -> list[TupleRow]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(query).fetchall()
