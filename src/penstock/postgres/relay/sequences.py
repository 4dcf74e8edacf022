"""Sequences of a table's columns: their definition, and their position after rows were copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries
from penstock.postgres.select import written

_SQL = queries(__package__, "structure.sql")


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence that a column owns or uses; ``row`` has the column names of ``structure.sql``.

    Args:
        last: Its last value, and whether it was used; None if the login may not read it.
    """

    row: dict[str, Any]
    last: tuple[int, bool] | None

    @property
    def column(self) -> str:
        """The column that owns or uses it."""
        return str(self.row["column"])

    @property
    def options(self) -> Composable:
        """Its options, as in CREATE SEQUENCE."""
        row = self.row
        return SQL("INCREMENT BY {} MINVALUE {} MAXVALUE {} START WITH {} CACHE {} {}").format(
            *(Literal(row[name]) for name in ("increment", "least", "greatest", "start", "cache")),
            SQL("CYCLE" if row["cycle"] else "NO CYCLE"),
        )

    def create(self, name: Composable) -> Composable:
        """The statement that creates it under this name."""
        return SQL("CREATE SEQUENCE {} AS {} {}").format(name, written(self.row["type"]), self.options)


def read_sequences(connection: PgConnection, oid: int) -> tuple[Sequence, ...]:
    """The sequences that the columns of a table own, or use in their defaults."""
    rows = connection.execute(_SQL["sequences"], {"oid": oid}).fetchall()
    return tuple(Sequence(row, _last(connection, row)) for row in rows)


def _last(connection: PgConnection, row: dict[str, Any]) -> tuple[int, bool] | None:
    if not row["may_look"]:
        return None
    query = _SQL["sequence_state"].format(sequence=Identifier(row["schema"], row["name"]))
    found = connection.execute(query).fetchone()
    assert found is not None  # a sequence is one row
    return found["last_value"], found["is_called"]


def align(
    connection: PgConnection, oid: int, table: Composable, source: Mapping[str, Sequence], *, new: bool
) -> None:
    """Move the sequences of a table past its values, so that its next row does not repeat one.

    Args:
        source: The source's sequences by the target's columns; a sequence of the target does not fall behind them.
        new: The table is new; its sequences get the exact position of the source's.
    """
    for sequence in read_sequences(connection, oid):
        row, model = sequence.row, source.get(sequence.column)
        if not row["may_set"] or sequence.last is None:
            continue
        name = Literal(Identifier(row["schema"], row["name"]).as_string(connection))
        exact = model.last if model is not None and new and row["owned"] | row["identity"] else None
        if exact is not None:
            connection.execute(SQL("SELECT setval({}, {}, {})").format(name, *map(Literal, exact)))
        elif not row["cycle"] and (reached := _reached(connection, table, sequence, model)) is not None:
            connection.execute(SQL("SELECT setval({}, {})").format(name, Literal(reached)))


def _reached(
    connection: PgConnection, table: Composable, sequence: Sequence, model: Sequence | None
) -> int | None:
    """The furthest value, if the sequence would return it or one before it."""
    row, furthest = sequence.row, max if sequence.row["increment"] > 0 else min
    values = [] if model is None or model.last is None or not model.last[1] else [model.last[0]]
    if row["of_numbers"]:
        query = _SQL["furthest"].format(
            furthest=SQL("max" if furthest is max else "min"), column=Identifier(sequence.column), table=table
        )
        found = connection.execute(query).fetchone()
        values += [] if found is None or found["value"] is None else [int(found["value"])]
    values = [value for value in values if row["least"] <= value <= row["greatest"]]
    if not values or sequence.last is None:
        return None
    best, (last, used) = furthest(values), sequence.last
    ahead = furthest(best, last) == best and (best != last or not used)
    return best if ahead else None
