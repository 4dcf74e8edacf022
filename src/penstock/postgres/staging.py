"""The stage: a temporary table in which rows wait to be settled, and the SQL fragments that speak of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.model.contract import Column, Contract, Kind
from penstock.postgres.create_table import declared

STAGE = Identifier("penstock_stage")
PROVENANCE = ("_file", "_line", "_again")

# Types without an equality of their own are compared by their text, and those to which 1.5 and 1.50, 0 and -0, a month
# and 30 days, or A and a are the same.
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
    """Which columns of a table a copy writes, and which of them the server has to read from text.

    Args:
        columns: The columns written, in the table's order.
        key: Names of those that identify a row; may be empty.
        as_text: Names of those that travel as text, besides types that always do.
        as_is: Names of those that travel in the server's own binary form, whatever their type.
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
        """Columns that stand on the stage as text first."""
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
        """Definitions of the stage's columns: no constraint but the type, for its rows are still to be judged."""
        texts = {column.name for column in self.texts}
        return SQL(", ").join(
            SQL("{} {}").format(Identifier(c.name), declared("text" if c.name in texts else c.type))
            for c in self.columns
        )

    @property
    def overriding(self) -> Composable:
        """Lets rows bring values for identity columns that the server would make itself."""
        return SQL("OVERRIDING SYSTEM VALUE" if any(column.always for column in self.columns) else "")

    @property
    def has_key_index(self) -> bool:
        """Whether a unique index keeps the key."""
        return any(set(unique) == set(self.key) for unique in self.contract.uniques)

    def assignments(self, alias: str) -> Composable | None:
        """``SET`` list of an update that takes all but the key from a row; None where the key is all."""
        rest = [name for name in self.names if name not in self.key]
        if not rest:
            return None
        return SQL(", ").join(
            SQL("{0} = {1}.{0}").format(Identifier(name), Identifier(alias)) for name in rest
        )

    def same(self, left: str = "s", right: str = "t") -> Composable:
        """Whether two rows hold the same values, nulls included."""
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
    """A staged row ``s`` as text: what quarantine keeps of rows that no file holds."""
    own = SQL(", ").join(map(Literal, PROVENANCE))
    return SQL("(to_jsonb(s.*) - ARRAY[{}])::text").format(own)


def present(columns: Sequence[str]) -> Composable:
    """That none of these columns is null."""
    return SQL(" AND ").join(SQL("{} IS NOT NULL").format(Identifier(name)) for name in columns)
