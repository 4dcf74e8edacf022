"""Reads a table or query at one snapshot, as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pyarrow as pa
from psycopg import sql

from penstock.model.connection import Connection
from penstock.model.errors import SourceError
from penstock.model.plan import CopyPlan
from penstock.ports import Rows
from penstock.postgres.connect import PgConnection, cancel, connect, hides_rows, refused
from penstock.postgres.copy_out import CopyOut
from penstock.postgres.csv_to_arrow import Field, TextParser, decimal, field_of
from penstock.postgres.queries import queries
from penstock.postgres.select import estimated_rows, select_of

_SQL = queries(__package__, "describe.sql")


class PostgresRows:
    """The rows of a table or query that a plan selects, in lossless types.

    Args:
        relation: The relation after ``FROM``: the table's quoted name, or the plan's query.

    Example:
        >>> from penstock.lookup.connections import find
        >>> plan = CopyPlan(source="source:public.product", target="out/")
        >>> rows = PostgresRows(find("source"), plan, sql.Identifier("public", "product"))
        >>> with rows.open() as reading:
        ...     sum(reading.parse(block).num_rows for block in reading.blocks())
        6
    """

    def __init__(self, connection: Connection, plan: CopyPlan, relation: sql.Composable) -> None:
        self._connection = connection
        self._plan = plan
        self._relation = relation
        self.name = plan.source

    @contextmanager
    def open(self, as_text: frozenset[str] = frozenset()) -> Iterator[PostgresReading]:
        """Open a snapshot of the rows for the duration of the block.

        Args:
            as_text: Names of columns to keep as the server's text.

        Raises:
            ConnectionFailed: If connecting to the server fails.
            SourceError: If the table does not exist, or may not be read.
        """
        opened = connect(self._connection, visible_rows_only=self._plan.visible_rows_only)
        try:
            opened.execute("SET bytea_output = 'hex'; SET extra_float_digits = 1")
            opened.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            select = select_of(self._plan, self._relation, _names(opened, self._relation))
            fields = _measured(opened, select, _described(opened, select, self.name))
            fields = [field.as_text() if field.name in as_text else field for field in fields]
            yield PostgresReading(opened, select, fields)
        except psycopg.Error as error:
            failed = refused(error, f"reading {self.name}")
            hint = (
                {}
                if hides_rows(error)
                else {"42501": "grant the login SELECT", "42P01": "check the table's name"}
            )
            raise SourceError(failed.message, hint=hint.get(error.sqlstate or "", failed.hint)) from None
        finally:
            opened.close()


class PostgresReading:
    """The rows of one snapshot. See :class:`penstock.ports.Reading`."""

    def __init__(self, connection: PgConnection, select: sql.Composable, fields: list[Field]) -> None:
        self._connection = connection
        self._select = select
        self._parser = TextParser(fields)
        statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')").format(select)
        self._copy = CopyOut(connection, statement.as_bytes(connection))

    @property
    def schema(self) -> pa.Schema:
        """Names and types; the metadata of a field holds the server's type."""
        return self._parser.schema

    @property
    def count(self) -> int:
        """The server's count of rows, after all blocks were read."""
        return self._copy.rows

    def estimate(self) -> int | None:
        """The estimated number of rows; None unless they are those of whole tables."""
        return estimated_rows(self._connection, self._select)

    def blocks(self) -> Iterator[Rows]:
        """All rows as CSV, in blocks of about 4 MiB. Can be read once."""
        return self._copy.blocks()

    def cancel(self) -> None:
        """Cancel the query; called from another thread."""
        cancel(self._connection)

    def parse(self, rows: Rows) -> pa.RecordBatch:
        """Parse rows into typed columns. Thread-safe.

        Raises:
            Unrepresentable: If a value has no counterpart in its column's type.
            SourceError: If a text is not UTF-8.
        """
        return self._parser.parse(rows)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, typed."""
        return map(self.parse, self.blocks())


def _names(connection: PgConnection, relation: sql.Composable) -> list[str]:
    found = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(relation))
    return [column.name for column in found.description or ()]


def _described(connection: PgConnection, select: sql.Composable, name: str) -> list[Field]:
    found = connection.execute(sql.SQL("SELECT * FROM ({}) AS s LIMIT 0").format(select))
    if not found.description:
        raise SourceError(f"{name} has no columns", hint="use a table or query with columns")
    result = found.pgresult
    assert result is not None  # it has just been executed
    places = range(len(found.description))
    typmods = [result.fmod(place) for place in places]
    types = connection.execute(
        _SQL["describe"], {"oids": [result.ftype(place) for place in places], "typmods": typmods}
    ).fetchall()
    names = [column.name for column in found.description]
    return [
        field_of(name, row["base"], typmod, row["type"])
        for name, typmod, row in zip(names, typmods, types, strict=True)
    ]


def _measured(connection: PgConnection, select: sql.Composable, fields: list[Field]) -> list[Field]:
    """The fields, with a decimal type for each unconstrained numeric whose values fit into one; one scan for each."""
    made = []
    for field in fields:
        if field.unmeasured:
            query = _SQL["measure"].format(column=sql.Identifier(field.name), select=select)
            row = connection.execute(query).fetchone()
            assert row is not None  # an aggregate always returns a row
            arrow = pa.string() if row["special"] else decimal(row["whole"] + row["scale"], row["scale"])
            made.append(replace(field, arrow=arrow))
        else:
            made.append(field)
    return made
