"""Runs the merge statements of one copy."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries
from penstock.postgres.staging import Shape

_SQL = queries(__package__, "merge.sql")

ALL = SQL("TRUE")


class Statements:
    """The statements of ``merge.sql`` for one copy's stage and table.

    Args:
        run: The copy's run number, for its rejects.
        files: Names of the source's files; the stage refers to them by index.
        raw: SQL for the text of a rejected row ``s``; by default it is read from the source.
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
            # Literals, not parameters: a constraint's expression may contain percent signs.
            "run": Literal(run),
            "files": Literal(list(files)),
            "raw": raw,
        }
        self.server_version = connection.info.server_version

    def run(self, name: str, /, **fragments: Composable) -> int:
        """Run a statement; returns the number of affected rows."""
        return self._connection.execute(self._compose(name, fragments)).rowcount

    def values(self, name: str, /, **fragments: Composable) -> tuple[int, ...]:
        """Run a statement that returns one row of numbers."""
        row = self._connection.execute(self._compose(name, fragments)).fetchone()
        assert row is not None  # an aggregate always returns one row
        return tuple(row.values())

    def staged(self) -> int:
        """The number of staged rows."""
        return self.values("count_stage")[0]

    def _compose(self, name: str, fragments: dict[str, Composable]) -> Composed:
        return _SQL[name].format(**self._common | fragments)


def names(columns: Sequence[str]) -> Composed:
    """Column names, quoted, separated by commas."""
    return SQL(", ").join(map(Identifier, columns))


def only(columns: Sequence[str]) -> Literal:
    """The name of a single column, or null for several: the column of a reject."""
    return Literal(columns[0] if len(columns) == 1 else None)
