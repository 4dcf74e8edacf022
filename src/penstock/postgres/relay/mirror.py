"""Mirrors: the ranges in which two tables differ, and the check that they do not differ after the copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.contract import Contract
from penstock.model.errors import ContractError
from penstock.model.plurals import counted
from penstock.postgres.connect import PgConnection
from penstock.postgres.diff import relation
from penstock.postgres.diff.checksums import Found, key_hash, narrow, still_differing
from penstock.postgres.diff.columns import Match, match
from penstock.postgres.diff.differences import differences, look_up
from penstock.postgres.diff.relation import Side
from penstock.postgres.queries import queries
from penstock.postgres.relay.column_casts import Fit
from penstock.postgres.relay.source_table import Reading
from penstock.postgres.staging import ALL, Shape
from penstock.postgres.staging import match as equal
from penstock.postgres.target import PostgresSession

_SQL = queries(__package__, "mirror.sql")
_EXAMPLES = 1_000  # differing rows whose columns are looked up for a message


@dataclass(frozen=True, slots=True)
class Unequal:
    """The difference between two tables."""

    left: Side
    right: Side
    match: Match
    found: Found
    oid: int

    @property
    def read(self) -> int:
        """Number of rows at the source."""
        return self.found.left

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.found.differing.numbers

    @property
    def condition(self) -> Composable:
        """The SQL after the source's table that selects only rows of these ranges."""
        if self.equal:
            return SQL(" WHERE false")
        return SQL(" AS compared {}").format(self.found.differing.condition(self.match))

    def delete_absent(self, fit: Fit, target: Composable) -> Composable:
        """The statement that deletes rows that the source no longer has, after the ranges' rows were staged."""
        return _SQL["delete_absent"].format(
            target=target,
            ranges=Literal(sorted(self.found.differing.numbers)),
            key_hash=key_hash(self.match),
            shift=self.found.differing.shift,
            match=equal(fit.match.key, left="s", right="compared"),
        )

    def require_none(self) -> None:
        """Check, after the rows were written, that the tables are equal.

        Raises:
            ContractError: If they are not; it names the columns, and the triggers and rules of the target.
        """
        now = still_differing(self.right, self.match, self.found)
        if not now.differing.numbers:
            return
        some = list(islice(differences(self.left, self.right, self.match, now), _EXAMPLES))
        rows: Counter[str] = Counter(found.kind for found in some)
        columns: Counter[str] = Counter()
        for shown in look_up(self.left, self.right, self.match, some):
            columns.update(shown.changes)
        raise _unequal(
            self.right.connection, self.oid, self.left.name, rows, [n for n, _ in columns.most_common()]
        )


def may_compare(fit: Fit, reading: Reading, contract: Contract) -> bool:
    """Whether the tables can be compared directly: same names, no casts, a unique key."""
    same = all(output.plain == output.name for output in reading.outputs)
    names = {output.name for output in reading.outputs} == {column.name for column in contract.columns}
    return (
        reading.structure is not None
        and fit.unique
        and same
        and names
        and not reading.conditions
        and not any(column.as_text and column.witness for column in fit.columns)
        and any(set(unique) == set(fit.match.key) for unique in contract.uniques)
    )


def compare(fit: Fit, reading: Reading, session: PostgresSession, contract: Contract) -> Unequal:
    """Compare all rows, on both servers in parallel, with the columns that both sides generate."""
    left = relation.table(
        reading.connection, reading.origin.schema, reading.origin.table, label=reading.origin.address
    )
    left = replace(left, relation=reading.relation)
    right = relation.table(session.connection, contract.schema, contract.table)
    generated = [field.name for field in reading.fields if field.generated and field.name in right.columns]
    matched = match(left, right, fit.match.key, [*(column.name for column in contract.columns), *generated])
    return Unequal(left, right, matched, narrow(left, right, matched), session.oid)


def require_staged(
    connection: PgConnection, oid: int, shape: Shape, source: str, scope: Composable = ALL
) -> None:
    """Check, after the merge, that the table holds the staged rows and no others.

    Args:
        scope: The condition on the rows ``t`` of the table that are mirrored.

    Raises:
        ContractError: If it does not.
    """
    query = _SQL["unlike"].format(target=shape.target, match=equal(shape.key), same=shape.same(), scope=scope)
    row = connection.execute(Composed([query])).fetchone()
    assert row is not None  # an aggregate always returns a row
    if row["changed"] or row["held"] != row["staged"]:
        rows = Counter(changed=row["changed"], extra=max(row["held"] - row["staged"], 0))
        raise _unequal(connection, oid, source, rows)


def _unequal(
    connection: PgConnection, oid: int, source: str, rows: Counter[str], columns: Sequence[str] = ()
) -> ContractError:
    causes = connection.execute(_SQL["causes"], {"oid": oid}).fetchall()
    generated = {row["name"] for row in causes if row["kind"] == "generated column"} & set(columns)
    acting = [f"{row['kind']} {row['name']}" for row in causes if row["kind"] != "generated column"]
    acting += [f"generated column {name}" for name in sorted(generated)]
    kinds = ", ".join(f"{counted(count, 'row')} {kind}" for kind, count in rows.items() if count)
    inside = f" in {', '.join(columns)}" if columns else ""
    because = f"; the target has {', '.join(acting)}" if acting else "; collations or keys differ"
    hint = "nothing was changed; make the target's definition equal to the source's"
    if any(row["kind"] == "trigger" for row in causes):
        hint = "nothing was changed; --skip-triggers copies without firing the target's triggers"
    return ContractError(f"the table would differ from {source}: {kinds}{inside}{because}", hint=hint)


class Triggers:
    """The triggers of the target tables, which do not fire during the copy. It needs the owner of the tables.

    Args:
        tables: Schema and name of each; tables that do not exist have no triggers.
    """

    def __init__(self, connection: PgConnection, tables: Sequence[tuple[str, str]]) -> None:
        self._connection = connection
        names = {"schemas": [schema for schema, _ in tables], "tables": [name for _, name in tables]}
        self._rows = connection.execute(_SQL["triggers"], names).fetchall()

    def hold(self) -> None:
        """Disable them."""
        for row in self._rows:
            self._alter(row, SQL("DISABLE"))

    def release(self) -> None:
        """Enable them as they were. No deferred checks may be pending."""
        for row in self._rows:
            self._alter(row, SQL("ENABLE ALWAYS" if row["enabled"] == "A" else "ENABLE"))

    def _alter(self, row: dict[str, str], change: Composable) -> None:
        table, name = Identifier(row["schema"], row["table"]), Identifier(row["name"])
        self._connection.execute(SQL("ALTER TABLE ONLY {} {} TRIGGER {}").format(table, change, name))
