"""Lets unique values move from row to row, although the server checks each row at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.model.contract import Column, Kind, UniqueIndex
from penstock.model.errors import ContractError
from penstock.postgres.conflicts import equal_values, label, with_values
from penstock.postgres.create_table import declared
from penstock.postgres.queries import queries
from penstock.postgres.staging import STAGE, Shape, Statements, match

_CATALOG = queries(__package__, "catalog.sql")
_LONG = 32  # characters of an md5
# Few random characters soon meet again, so short texts are numbers in characters for private use, which data hardly
# has.
_SHORT = SQL(
    "left(CASE current_setting('server_encoding') WHEN 'UTF8'"
    " THEN reverse(chr((57344 + h._penstock_number / 6400 % 6400)::int)"
    " || chr((57344 + h._penstock_number % 6400)::int)) ELSE {random} END, {length})"
)
_WHOLE = (Kind.INT2, Kind.INT4, Kind.INT8, Kind.NUMERIC)


class Moves:
    """Makes room for unique values that pass to other rows.

    Deferrable constraints are deferred. Otherwise the rows that hold such values are deleted and inserted again in one
    statement. If foreign keys or triggers would act on that, the rows get other values until they get theirs.
    """

    def __init__(self, statements: Statements, shape: Shape) -> None:
        self._statements = statements
        self._shape = shape
        self._indexes = [index for index in shape.other_indexes if index.deferrable is None]
        self._deferred = [
            index.deferrable for index in shape.contract.indexes if index.deferrable is not None
        ]

    def prepare(self) -> None:
        """Create what :meth:`make_room` needs."""
        self._statements.run("make_holders")

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Check deferrable unique constraints at the end of the block."""
        if self._deferred:
            constraints = SQL(", ").join(map(declared, self._deferred))
            self._statements.run("defer", constraints=constraints, when=SQL("DEFERRED"))
            yield
            self._statements.run("defer", constraints=constraints, when=SQL("IMMEDIATE"))
        else:
            yield

    def make_room(self, rows: Composable) -> int:
        """Make room for these staged rows; returns the number of rows of the table that have their new values now.

        Raises:
            ContractError: If values cannot move.
        """
        if not self._indexes:
            return 0
        held = sum([self._hold(number, rows) for number in range(len(self._indexes))])
        if not held:
            return 0
        moved = self._rewrite(rows)
        self._statements.run("release_holders")
        return moved

    def _hold(self, number: int, rows: Composable) -> int:
        index, key = self._indexes[number], self._shape.key
        return self._statements.run(
            "hold",
            index=Literal(number),
            claimants=with_values(index, rows, "c", places=False),
            held=with_values(index, self._shape.target, "t"),
            equal=equal_values(index, "c", "t"),
            own=match(key, left="c"),
            heir=match(key, left="h"),
            rows=rows,
        )

    def _rewrite(self, rows: Composable) -> int:
        (row,) = self._statements.rows_of(_CATALOG["watched"], name=Literal(self._shape.target.as_string()))
        if row["watched"]:
            self._park(row["referred"])
            return 0
        written = set(self._shape.names)
        columns = [column.name for column in self._shape.contract.columns]
        try:
            return self._statements.run(
                "rewrite_holders",
                all_columns=SQL(", ").join(map(Identifier, columns)),
                new_values=SQL(", ").join(
                    Identifier("s" if name in written else "t", name) for name in columns
                ),
                match=match(self._shape.key),
                rows=rows,
            )
        except psycopg.errors.ForeignKeyViolation as error:
            # Of part of the rows, the others may come later.
            if rows is not STAGE or error.diag.table_name == self._shape.contract.table:
                raise
            raise self._stuck(
                self._indexes,
                f": {error.diag.message_primary}",
                f"make the foreign key {error.diag.constraint_name} of {error.diag.table_name} DEFERRABLE",
            ) from None

    def _park(self, referred: Collection[str]) -> None:
        numbers = [row["index"] for row in self._statements.rows("held_indexes")]
        held = [self._indexes[number] for number in numbers]
        parked = dict(self._parking(index, referred) for index in held)
        assignments = SQL(", ").join(
            SQL("{} = {}").format(Identifier(name), value) for name, value in parked.items()
        )
        try:
            self._statements.run("park_holders", assignments=assignments)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            raise self._stuck(held, f": {error.diag.message_primary}") from None

    def _parking(self, index: UniqueIndex, referred: Collection[str]) -> tuple[str, Composable]:
        columns = [self._shape.contract.column(name) for name in index.columns]
        for column in columns:
            if column.nullable and not index.nulls_equal and column.name not in referred:
                return column.name, SQL("NULL")
        for column in columns:
            if column.name not in self._shape.key and (value := self._unused(column)) is not None:
                return column.name, value
        raise self._stuck([index])

    def _unused(self, column: Column) -> Composable | None:
        """A value that no row has."""
        name = Identifier(column.name)
        random = SQL("md5(random()::text || h._penstock_number)")
        if column.kind is Kind.TEXT:
            if column.length is None or column.length >= _LONG:
                return random
            return _SHORT.format(random=random, length=column.length)
        if column.kind is Kind.UUID:
            return SQL("{}::uuid").format(random)
        if column.kind in _WHOLE:
            least = SQL("SELECT least(min(a.{0}), (SELECT min(b.{0}) FROM {1} AS b)) FROM {2} AS a")
            return SQL("(({}) - h._penstock_number)::{}").format(
                least.format(name, STAGE, self._shape.target), declared(column.type)
            )
        return None

    def _stuck(
        self,
        indexes: Sequence[UniqueIndex],
        why: str = "",
        hint: str = "make the unique constraint DEFERRABLE",
    ) -> ContractError:
        values = "; ".join(label(index) for index in indexes)
        contract = self._shape.contract
        return ContractError(
            f"unique values ({values}) of {contract.schema}.{contract.table} move from row to row, "
            f"which its foreign keys or triggers prevent{why}",
            hint=hint,
        )
