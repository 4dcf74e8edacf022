"""Finds the ranges of hashed keys in which two sides differ, by sums that the servers compute."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from psycopg.sql import SQL, Composable, Literal

from penstock.postgres.diff.columns import Match
from penstock.postgres.diff.hashes import key_hash, row_hash
from penstock.postgres.diff.relation import QUERIES, Side, both

# Bits of the hashed key that number a range. A first pass with 1,024 ranges takes the server a tenth less time than
# with 8,192 (2 million rows, PostgreSQL 18); 65,536 still fit into a few megabytes of its memory.
FIRST_BITS, FINE_BITS = 10, 16
# With at most this many rows in different ranges, fetching their hashes is faster than a second pass.
_FEW_ROWS = 200_000

_Sums = dict[int, tuple[int, Decimal]]


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges of hashed keys: hashes whose first ``bits`` bits are in ``numbers``."""

    bits: int
    numbers: frozenset[int]

    @property
    def shift(self) -> Literal:
        """The shift from a hash to the number of its range."""
        return Literal(64 - self.bits)

    def condition(self, match: Match) -> Composable:
        """The join that selects only rows of these ranges."""
        if len(self.numbers) == 1 << self.bits:
            return SQL("")
        return QUERIES["wanted"].format(
            ranges=Literal(sorted(self.numbers)), key_hash=key_hash(match), shift=self.shift
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The result of comparing the sums.

    Args:
        left: Number of rows on the left.
        right: Number of rows on the right.
        differing: The ranges whose rows differ; if there are none, the sides are equal.
    """

    left: int
    right: int
    differing: Ranges


def narrow(left: Side, right: Side, match: Match) -> Found:
    """Compare all rows once on both servers in parallel, and a second time in finer ranges if many may differ.

    Raises:
        psycopg.Error: If a server reports an error.
    """
    sums = _sums(left, right, match, _every(FIRST_BITS), FIRST_BITS)
    differing = Ranges(FIRST_BITS, _unequal(*sums))
    if sum(side[number][0] for side in sums for number in differing.numbers & side.keys()) > _FEW_ROWS:
        differing = Ranges(FINE_BITS, _unequal(*_sums(left, right, match, differing, FINE_BITS)))
    return Found(_count(sums[0]), _count(sums[1]), differing)


def _every(bits: int) -> Ranges:
    half = 1 << (bits - 1)
    return Ranges(bits, frozenset(range(-half, half)))


def _sums(left: Side, right: Side, match: Match, within: Ranges, bits: int) -> tuple[_Sums, _Sums]:
    def of(side: Side) -> _Sums:
        query = QUERIES["sums"].format(
            key_hash=key_hash(match),
            row_hash=row_hash(match),
            shift=Literal(64 - bits),
            relation=side.relation,
            wanted=within.condition(match),
        )
        # The planner does not know that the expression has few distinct values, and would sort the whole table.
        side.rows(QUERIES["may_sort"].format(setting=Literal("off")))
        sums = {number: (count, total) for number, count, total in side.rows(query)}
        side.rows(QUERIES["may_sort"].format(setting=Literal("on")))
        return sums

    return both(of, left, right)


def _count(sums: _Sums) -> int:
    return sum(count for count, _ in sums.values())


def _unequal(left: _Sums, right: _Sums) -> frozenset[int]:
    return frozenset(number for number in left.keys() | right.keys() if left.get(number) != right.get(number))
