"""Runs the settling statements of one copy, each with the fragments it needs."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries
from penstock.postgres.staging import Shape

_SQL = queries(__package__, "merge.sql")

ALL = SQL("TRUE")


class Statements:
    """The statements of ``settle.sql`` over one copy's stage and table.

    Args:
        run: The copy's number, under which rejects are kept.
        files: Names of the source's files; the stage knows them by index.
        raw: The text of a staged row ``s`` that is rejected; by default the source knows it.
    """

    def __init__(
        self,
        connection: PgConnection,
        shape: Shape,
        *,
        run: int,
        files: Sequence[str],
        raw: Composable = SQL("NULL::text"),  # noqa: B008  # a constant
    ) -> None:
        self._connection = connection
        self._common: dict[str, Composable] = {
            "target": shape.target,
            "columns": shape.column_list,
            "stage_columns": shape.stage_columns,
            "overriding": shape.overriding,
            # Literals, not parameters: a constraint's expression may hold per cent signs.
            "run": Literal(run),
            "files": Literal(list(files)),
            "raw": raw,
        }
        self.server_version = connection.info.server_version

    def run(self, name: str, /, **fragments: Composable) -> int:
        """Run a statement; returns how many rows it touched."""
        return self._connection.execute(self._compose(name, fragments)).rowcount

    def values(self, name: str, /, **fragments: Composable) -> tuple[int, ...]:
        """Run a statement that gives one row of numbers."""
        row = self._connection.execute(self._compose(name, fragments)).fetchone()
        assert row is not None  # an aggregate always gives one row
        return tuple(row.values())

    def staged(self) -> int:
        """How many rows are on the stage."""
        return self.values("count_stage")[0]

    def _compose(self, name: str, fragments: dict[str, Composable]) -> Composed:
        return _SQL[name].format(**self._common | fragments)


def names(columns: Sequence[str]) -> Composed:
    """Column names, quoted, separated by commas."""
    return SQL(", ").join(map(Identifier, columns))


def only(columns: Sequence[str]) -> Literal:
    """The name of the one column, or null where there are several: what a reject names as its column."""
    return Literal(columns[0] if len(columns) == 1 else None)
