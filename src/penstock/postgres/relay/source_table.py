"""The source of a copy from table to table: a snapshot of a table or query, read over several connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import pq
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.columns import require
from penstock.model.connection import Connection
from penstock.model.errors import PenstockError, SourceError
from penstock.model.plan import CopyPlan
from penstock.postgres.connect import PgConnection, connect, hides_rows, refused
from penstock.postgres.relay import structure as catalogue
from penstock.postgres.relay.ends import Origin
from penstock.postgres.relay.source_snapshot import Before, look_before
from penstock.postgres.relay.structure import Field, Output, Structure, qualified
from penstock.postgres.select import (
    Selected,
    conditions,
    estimated_rows,
    query_relation,
    select_columns,
    where,
)

# Pages per range of a table: 64 MB.
PART_PAGES = 8192

_TID_RANGES = 140000  # range scans on ctid exist since this version
_ONE_INSTANT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Reading:
    """A source at one snapshot, in its transaction.

    Attributes:
        outputs: The columns to send.
        structure: The table's definition; None if the source is a query or view.
        fields: The columns of the source.
        selection: Conditions on the rows of the copy.
        conditions: Conditions on the rows to read, which with a cursor are fewer.
        filtered: Column and value of the plan's filter.
        before: The source's transactions before the snapshot, if the plan has a cursor.
        within: Replaces the conditions if a comparison has found the ranges to read.
    """

    def __init__(
        self, connection: PgConnection, described: Connection, origin: Origin, plan: CopyPlan
    ) -> None:
        self.connection = connection
        self.described = described
        self._visible_rows_only = plan.visible_rows_only
        self.origin = origin
        self.structure: Structure | None = None
        self.fields: tuple[Field, ...] = ()
        self.relation: Composable = SQL("")
        self._pages = 0
        self._whole = False
        if origin.query is None:
            self._open_table()
        else:
            self._open_query(origin.query)
        self.outputs = self._select(plan)
        self.selection = conditions(plan, self._field_names())
        self.conditions = list(self.selection)
        self.filtered = self._filter(plan)
        self.within: Composable | None = None
        self.before: Before | None = None

    # -- structure

    def _open_table(self) -> None:
        origin = self.origin
        with qualified(self.connection):
            found = catalogue.find_relation(self.connection, origin.schema, origin.table)
            if found is None:
                raise SourceError(f"no table {origin.address}", hint=self._others())
            if not found.readable:
                raise SourceError(
                    f"permission denied for {origin.address}", hint="grant the login SELECT on the table"
                )
            inherited = found.kind == "r" and found.has_children
            self.relation = Identifier(origin.schema, origin.table)
            if inherited and origin.only:
                self.relation = SQL("ONLY {}").format(self.relation)
            if found.kind in ("r", "p"):
                # Prevents DROP and ALTER until the copy ends.
                self.connection.execute(SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(self.relation))
            # Fails early if row security hides rows.
            self.connection.execute(SQL("SELECT FROM {} LIMIT 0").format(self.relation))
            read = catalogue.read_structure(self.connection, origin.schema, origin.table, found)
        self.fields = read.fields
        if found.kind in ("r", "p"):
            # Keys are unique in each table, not among those that inherit from it.
            self.structure = replace(read, uniques=()) if inherited and not origin.only else read
        if found.kind == "r" and found.heap and (origin.only or not inherited):
            self._whole = True
            self._pages = self._count_pages()

    def _others(self) -> str:
        rows = self.connection.execute(
            "SELECT relname::text AS name FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') "
            "AND relnamespace = to_regnamespace(quote_ident(%s)) ORDER BY relname LIMIT 5",
            [self.origin.schema],
        ).fetchall()
        names = ", ".join(row["name"] for row in rows)
        return f"the schema {self.origin.schema} has {names}" if names else "check the database and schema"

    def _count_pages(self) -> int:
        row = self.connection.execute(
            "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int AS pages",
            [Identifier(self.origin.schema, self.origin.table).as_string(self.connection)],
        ).fetchone()
        assert row is not None  # the table is locked
        return int(row["pages"])

    def _open_query(self, query: str) -> None:
        self.relation = query_relation(query)
        # The order of rows is part of the copy's identity.
        self.connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        try:
            self.fields = self._describe(SQL("SELECT * FROM {}").format(self.relation))
        except psycopg.Error as error:
            if hides_rows(error):
                raise
            raise SourceError(
                f"the query failed: {error.diag.message_primary}", hint="try it with penstock db psql"
            ) from None

    def _describe(self, statement: Composable) -> tuple[Field, ...]:
        prepared = self.connection.pgconn.prepare(b"", statement.as_bytes(self.connection))
        if prepared.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(prepared, self.connection.info.encoding)
        result = self.connection.pgconn.describe_prepared(b"")
        types = [
            ((result.fname(i) or b"").decode(), result.ftype(i), result.fmod(i))
            for i in range(result.nfields)
        ]
        with qualified(self.connection):
            return catalogue.describe(self.connection, types)

    # -- selection

    def _field_names(self) -> list[str]:
        return [field.name for field in self.fields]

    def _select(self, plan: CopyPlan) -> tuple[Output, ...]:
        fields = {field.name: field for field in self.fields}
        names = self._field_names()  # a query may return several columns of one name
        # Generated columns are generated by the target, unless they are selected.
        usual = [field.name for field in self.fields if not field.generated]
        return tuple(self._output(each, fields) for each in select_columns(plan, names, usual))

    def _output(self, selected: Selected, fields: Mapping[str, Field]) -> Output:
        if selected.column is not None:
            field = fields[selected.column]
        else:
            try:
                (field,) = self._describe(SQL("SELECT {} FROM {}").format(selected.expression, self.relation))
            except psycopg.Error as error:
                if hides_rows(error):
                    raise
                raise SourceError(
                    f"column {selected.name}: {error.diag.message_primary}",
                    hint=f"the expression is {selected.text!r}",
                ) from None
        return Output(selected.name, selected.expression, replace(field, name=selected.name), selected.column)

    def _filter(self, plan: CopyPlan) -> tuple[str, str] | None:
        return None if plan.where is None else (self.find(plan.where[0], "filter column").name, plan.where[1])

    # -- reading

    def one(self, query: Composable) -> dict[str, Any] | None:
        """The first row of a query at this snapshot.

        Raises:
            SourceError: If the query fails.
        """
        with self.translated():
            return self.connection.execute(Composed([query])).fetchone()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Translate errors within this block to SourceError."""
        try:
            yield
        except psycopg.Error as error:
            raise as_source_error(error, self.origin.address) from None

    def find(self, name: str, role: str) -> Field:
        """A column of the source by its name."""
        found = require(name, self._field_names(), role, "the source")
        return next(field for field in self.fields if field.name == found)

    def parts(self) -> list[Composable]:
        """Conditions that split the table into ranges of pages; always true if it cannot be split."""
        if self.within is not None:
            return [self.within]
        version = self.connection.info.server_version
        if not self._whole or self.conditions or version < _TID_RANGES or self._pages <= 2 * PART_PAGES:
            return [where(self.conditions)]
        starts = range(0, self._pages, PART_PAGES)
        cuts = []
        for start in starts:
            low = SQL("ctid >= {}::tid").format(Literal(f"({start},0)"))
            high = SQL("ctid < {}::tid").format(Literal(f"({start + PART_PAGES},0)"))
            # The last range has no end: the table may have grown since its size was queried.
            cuts.append(where([low] if start == starts[-1] else [low, high]))
        return cuts

    def estimate(self) -> int | None:
        """The estimated number of rows; None unless they are those of whole tables."""
        part = where(self.conditions) if self.within is None else self.within
        return estimated_rows(self.connection, SQL("SELECT * FROM {}{}").format(self.relation, part))

    def statement(self, columns: Sequence[Composable], part: Composable, *, binary: bool) -> Composable:
        """The COPY statement for these columns of one range."""
        listed = SQL(", ").join(columns)
        return SQL("COPY (SELECT {} FROM {}{}) TO STDOUT (FORMAT {})").format(
            listed, self.relation, part, SQL("binary" if binary else "text")
        )

    @contextmanager
    def also(self, count: int) -> Iterator[list[PgConnection]]:
        """Further connections with the same snapshot."""
        with ExitStack() as stack:
            opened: list[PgConnection] = []
            if count > 0:
                row = self.connection.execute("SELECT pg_export_snapshot() AS snapshot").fetchone()
                assert row is not None  # a function always returns a row
                for _ in range(count):
                    other = stack.enter_context(
                        connect(self.described, visible_rows_only=self._visible_rows_only)
                    )
                    _begin(other)
                    other.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(Literal(row["snapshot"])))
                    opened.append(other)
            yield opened


def _begin(connection: PgConnection) -> None:
    # Rows are received through libpq directly, so the transaction is opened and ended by plain statements.
    connection.execute(_ONE_INSTANT)
    # Rows are sent in the order of the table, which is part of the copy's identity.
    connection.execute("SET LOCAL synchronize_seqscans = off")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A source's database at one snapshot, in a transaction."""

    connection: PgConnection
    described: Connection
    before: Before | None

    def reading(self, origin: Origin, plan: CopyPlan) -> Reading:
        """A table or query of it.

        Raises:
            SourceError: If the table does not exist, or may not be read.
        """
        try:
            reading = Reading(self.connection, self.described, origin, plan)
        except psycopg.Error as error:
            raise as_source_error(error, origin.address) from None
        reading.before = self.before
        return reading


@contextmanager
def open_snapshot(described: Connection, address: str, plan: CopyPlan) -> Iterator[Snapshot]:
    """Open the source at one snapshot.

    Raises:
        ConnectionFailed: If connecting to the server fails.
    """
    with connect(described, visible_rows_only=plan.visible_rows_only) as connection:
        try:
            before = None if plan.cursor is None else look_before(connection)
            _begin(connection)
        except psycopg.Error as error:
            raise as_source_error(error, address) from None
        yield Snapshot(connection, described, before)


@contextmanager
def open_reading(described: Connection, origin: Origin, plan: CopyPlan) -> Iterator[Reading]:
    """Open one table or query at one snapshot.

    Raises:
        ConnectionFailed: If connecting to the server fails.
        SourceError: If the table does not exist, or may not be read.
    """
    with open_snapshot(described, origin.address, plan) as snapshot:
        yield snapshot.reading(origin, plan)


def as_source_error(error: psycopg.Error, address: str) -> PenstockError:
    """The server's error as a SourceError."""
    failed = refused(error, f"reading {address}")
    return SourceError(failed.message, hint=failed.hint)
