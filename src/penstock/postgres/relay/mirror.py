"""Mirrors a table by moving only different rows: the servers compare ranges of hashed keys."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.sql import SQL, Composable, Literal

from penstock.model.contract import Contract
from penstock.postgres.diff import relation
from penstock.postgres.diff.checksums import Ranges, narrow
from penstock.postgres.diff.columns import Match, match
from penstock.postgres.diff.hashes import key_hash
from penstock.postgres.queries import queries
from penstock.postgres.relay.column_casts import Fit
from penstock.postgres.relay.source_table import Reading
from penstock.postgres.staging import match as equal
from penstock.postgres.target import PostgresSession

_SQL = queries(__package__, "mirror.sql")


@dataclass(frozen=True, slots=True)
class Unequal:
    """The difference between two tables.

    Args:
        read: Number of rows at the source.
    """

    match: Match
    ranges: Ranges
    read: int

    @property
    def condition(self) -> Composable:
        """The SQL after the source's table that selects only rows of these ranges."""
        if not self.ranges.numbers:
            return SQL(" WHERE false")
        return SQL(" AS compared {}").format(self.ranges.condition(self.match))

    def delete_absent(self, fit: Fit, target: Composable) -> Composable:
        """The statement that deletes rows that the source no longer has, after the ranges' rows were staged."""
        return _SQL["delete_absent"].format(
            target=target,
            ranges=Literal(sorted(self.ranges.numbers)),
            key_hash=key_hash(self.match),
            shift=self.ranges.shift,
            match=equal(fit.match.key, left="s", right="compared"),
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
    """Compare all rows, on both servers in parallel."""
    names = [column.name for column in contract.columns]
    left = relation.table(
        reading.connection, reading.origin.schema, reading.origin.table, label=reading.origin.address
    )
    right = relation.table(session.connection, contract.schema, contract.table)
    matched = match(left, right, fit.match.key, names)
    found = narrow(left, right, matched)
    return Unequal(matched, found.differing, found.left)
