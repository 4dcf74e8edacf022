"""Finds the ranges of hashed keys in which two sides differ, by sums of hashes that the servers compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.postgres.diff.columns import Match
from penstock.postgres.diff.relation import QUERIES, Side, both

# Bits of the hashed key that number a range. A first pass with 1,024 ranges takes the server a tenth less time than
# with 8,192 (2 million rows, PostgreSQL 18); 65,536 still fit into a few megabytes of its memory.
FIRST_BITS, FINE_BITS = 10, 16
# With at most this many rows in different ranges, fetching their hashes is faster than a second pass.
_FEW_ROWS = 200_000

Sums = dict[int, tuple[int, Decimal]]
"""The number of rows of each range, and the sum of their hashes."""


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
        sums: The sums of the left.
    """

    left: int
    right: int
    differing: Ranges
    sums: Sums = field(default_factory=dict)


def narrow(left: Side, right: Side, match: Match) -> Found:
    """Compare all rows once on both servers in parallel, and a second time in finer ranges if many may differ.

    Raises:
        psycopg.Error: If a server reports an error.
    """
    sums = _sums(left, right, match, _every(FIRST_BITS), FIRST_BITS)
    differing = Ranges(FIRST_BITS, _unequal(*sums))
    if sum(side[number][0] for side in sums for number in differing.numbers & side.keys()) > _FEW_ROWS:
        differing = Ranges(FINE_BITS, _unequal(*_sums(left, right, match, differing, FINE_BITS)))
    return Found(_count(sums[0]), _count(sums[1]), differing, sums[0])


def still_differing(right: Side, match: Match, found: Found) -> Found:
    """Compare again after changes on the right, with the same sums of the left.

    Raises:
        psycopg.Error: If the server reports an error.
    """
    now = _sums_of(right, match, _every(FIRST_BITS), FIRST_BITS)
    return Found(found.left, _count(now), Ranges(FIRST_BITS, _unequal(found.sums, now)), found.sums)


def _every(bits: int) -> Ranges:
    half = 1 << (bits - 1)
    return Ranges(bits, frozenset(range(-half, half)))


def _sums(left: Side, right: Side, match: Match, within: Ranges, bits: int) -> tuple[Sums, Sums]:
    return both(lambda side: _sums_of(side, match, within, bits), left, right)


def _sums_of(side: Side, match: Match, within: Ranges, bits: int) -> Sums:
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


def _count(sums: Sums) -> int:
    return sum(count for count, _ in sums.values())


def _unequal(left: Sums, right: Sums) -> frozenset[int]:
    return frozenset(number for number in left.keys() | right.keys() if left.get(number) != right.get(number))


_SMALL = {"int2", "int4"}
_WHOLE = _SMALL | {"int8"}


def key_hash(match: Match) -> Composable:
    """The hash that assigns rows to ranges: that of the key, or of the row without a key."""
    return _mixed(match, match.key) if match.key else row_hash(match)


def row_hash(match: Match) -> Composable:
    """The hash of all compared columns."""
    return _mixed(match, match.columns)


def printed(column: str) -> Composable:
    """The text of a column, or null."""
    return SQL("compared.{}::text").format(Identifier(column))


def _mixed(match: Match, columns: Sequence[str]) -> Composable:
    if not columns:
        return SQL("hashint8extended(0, 0)")  # all rows of a table without columns are equal
    terms = [_column_hash(match, name, seed) for seed, name in enumerate(columns, start=1)]
    # The seed uses all 64 bits, the first argument only 32.
    return SQL("hashint8extended(0, {})").format(_xor(terms))


def _xor(terms: Sequence[Composable]) -> Composable:
    # As a balanced tree: the server recurses into it, and tables may have 1,600 columns.
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return SQL("({} # {})").format(_xor(terms[:middle]), _xor(terms[middle:]))


def _column_hash(match: Match, name: str, seed: int) -> Composable:
    left, right = match.types[name]
    column = SQL("compared.{}").format(Identifier(name))
    bases = {left.base, right.base} if left.plain and right.plain else {""}
    if bases == {"bool"}:
        return SQL("CASE WHEN {0} THEN {1}::bigint WHEN NOT {0} THEN {2} ELSE {3} END").format(
            column, *(Literal(seed * 4 + value) for value in range(3))
        )
    if bases <= _WHOLE:
        hashed = _whole(column, seed, small=bases <= _SMALL)
    else:
        hashed = _text(printed(name), seed, recoded=match.recoded)
    return SQL("coalesce({}, {})").format(hashed, Literal(seed)) if name in match.nullable else hashed


def _whole(column: Composable, seed: int, *, small: bool) -> Composed:
    if small:
        return SQL("hashint4extended({}, {})").format(column, Literal(seed))
    # hashint8extended uses only 32 bits of its argument, so the number is also the seed.
    return SQL("hashint8extended({0}, {0}::bigint # {1})").format(column, Literal(seed))


def _text(text: Composable, seed: int, *, recoded: bool) -> Composed:
    if recoded:
        text = SQL("encode(convert_to({}, 'UTF8'), 'hex')").format(text)
    return SQL('hashtextextended({} COLLATE "C", {})').format(text, Literal(seed))
