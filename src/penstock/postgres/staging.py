"""The stage: a temporary table for rows before the merge, and its SQL fragments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.contract import Column, Contract, Kind
from penstock.postgres.connect import PgConnection
from penstock.postgres.create_table import declared
from penstock.postgres.queries import queries

STAGE = Identifier("penstock_stage")
PROVENANCE = ("_file", "_line", "_again")

# Compared by their text: types without equality, and types for which 1.5 and 1.50, 0 and -0, a month and 30 days, or
# A and a are equal.
_INCOMPARABLE = {
    "json",
    "xml",
    "jsonpath",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "numeric",
}
_INCOMPARABLE |= {"interval", "pg_snapshot", "txid_snapshot"}
_INCOMPARABLE |= {"double precision", "real", "jsonb", "numrange", "nummultirange", "citext"}


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns that a copy writes, and which of them the server parses from text.

    Args:
        columns: The columns written, in the table's order.
        key: Names of the key columns; may be empty.
        as_text: Names of columns sent as text, in addition to types that always are.
        as_is: Names of columns sent in the server's binary format, regardless of type.
    """

    contract: Contract
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    as_text: Collection[str] = field(default=frozenset())
    as_is: Collection[str] = field(default=frozenset())

    @property
    def target(self) -> Composable:
        """The table, quoted."""
        return Identifier(self.contract.schema, self.contract.table)

    @property
    def names(self) -> list[str]:
        """Names of the columns written."""
        return [column.name for column in self.columns]

    @property
    def texts(self) -> list[Column]:
        """Columns that are staged as text."""
        return [
            column
            for column in self.columns
            if column.name in self.as_text or (column.kind is Kind.OTHER and column.name not in self.as_is)
        ]

    @property
    def column_list(self) -> Composable:
        """The columns written, separated by commas."""
        return SQL(", ").join(map(Identifier, self.names))

    @property
    def stage_columns(self) -> Composable:
        """Definitions of the stage's columns: types without constraints, because its rows are not validated yet."""
        texts = {column.name for column in self.texts}
        return SQL(", ").join(
            SQL("{} {}").format(Identifier(c.name), declared("text" if c.name in texts else c.type))
            for c in self.columns
        )

    @property
    def overriding(self) -> Composable:
        """The clause that allows values for identity columns."""
        return SQL("OVERRIDING SYSTEM VALUE" if any(column.always for column in self.columns) else "")

    @property
    def has_key_index(self) -> bool:
        """Whether the key has a unique index that is checked row by row, as ON CONFLICT requires."""
        contract = self.contract
        return any(
            set(unique) == set(self.key) and unique not in contract.deferrable for unique in contract.uniques
        )

    def assignments(self, alias: str) -> Composable | None:
        """The ``SET`` list of an update of all columns except the key; None if there are no others."""
        rest = [name for name in self.names if name not in self.key]
        if not rest:
            return None
        return SQL(", ").join(
            SQL("{0} = {1}.{0}").format(Identifier(name), Identifier(alias)) for name in rest
        )

    def same(self, left: str = "s", right: str = "t") -> Composable:
        """The condition that two rows have equal values, including nulls."""
        return SQL("({}) IS NOT DISTINCT FROM ({})").format(self._row(left), self._row(right))

    def _row(self, alias: str) -> Composable:
        plain, cast = SQL("{}.{}"), SQL("{}.{}::text")
        fields = [
            (cast if column.type.removesuffix("[]") in _INCOMPARABLE else plain).format(
                Identifier(alias), Identifier(column.name)
            )
            for column in self.columns
        ]
        return SQL("ROW({})").format(SQL(", ").join(fields))


def match(
    columns: Sequence[str], others: Sequence[str] | None = None, left: str = "s", right: str = "t"
) -> Composable:
    """``s.a = t.b AND …`` over two lists of columns, or over one list on both sides."""
    pairs = zip(columns, others or columns, strict=True)
    return SQL(" AND ").join(
        SQL("{}.{} = {}.{}").format(Identifier(left), Identifier(a), Identifier(right), Identifier(b))
        for a, b in pairs
    )


def stage_text() -> Composable:
    """A staged row ``s`` as text, for quarantined rows that are not in a file."""
    own = SQL(", ").join(map(Literal, PROVENANCE))
    return SQL("(to_jsonb(s.*) - ARRAY[{}])::text").format(own)


def present(columns: Sequence[str]) -> Composable:
    """The condition that none of these columns is null."""
    return SQL(" AND ").join(SQL("{} IS NOT NULL").format(Identifier(name)) for name in columns)


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
