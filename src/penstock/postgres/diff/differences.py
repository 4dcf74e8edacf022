"""Streams the rows in which two sides differ, in bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count, groupby
from operator import itemgetter
from typing import Any
from typing import Literal as Only

import psycopg
from psycopg.rows import TupleRow, tuple_row
from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.postgres.diff.checksums import Found, key_hash, narrow, printed, row_hash
from penstock.postgres.diff.columns import Match
from penstock.postgres.diff.relation import QUERIES, Side, Statement, both

Kind = Only["missing", "extra", "changed"]
Key = tuple[str | None, ...]

# Rows per fetch.
_FETCH = 5_000
_cursors = count(1)


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that differs between the sides.

    Args:
        kind: ``missing`` on the right, ``extra`` on the right, or ``changed``.
        key: The texts of the key's columns, in the order of :attr:`Match.key`; empty without a key.
        row: Without a key, the hash of the row, for looking it up.
        times: Number of such rows; 1 if the key is unique.
    """

    kind: Kind
    key: Key
    row: int = 0
    times: int = 1


def differences(left: Side, right: Side, match: Match, found: Found | None = None) -> Iterator[Difference]:
    """The rows that differ, in the order of their hashed keys.

    Args:
        found: The result of :func:`~penstock.postgres.diff.checksums.narrow`, if already known.

    Raises:
        psycopg.Error: If a server reports an error.
    """
    found = found or narrow(left, right, match)
    if not found.differing.numbers:
        return
    name = "rows" if match.key else "copies"
    condition = found.differing.condition(match)

    def begin(side: Side) -> _Stream:
        parts: dict[str, Composable] = {
            "key_hash": key_hash(match),
            "relation": side.relation,
            "wanted": condition,
        }
        if match.key:
            parts |= {"row_hash": row_hash(match), "key": SQL(", ").join(map(printed, match.key))}
        return _Stream(side, QUERIES[name].format(**parts))

    ours, theirs = both(begin, left, right)
    with closing(ours), closing(theirs):
        settle = _rows if match.key else _copies
        for key, here, there in _paired(ours, theirs):
            yield from settle(key, here, there)


class _Stream:
    """A query's rows, a few thousand at a time. The server sorts them when this is created."""

    def __init__(self, side: Side, query: Statement) -> None:
        self._cursor: psycopg.ServerCursor[TupleRow] = side.connection.cursor(
            f"penstock_comparing_{next(_cursors)}", row_factory=tuple_row
        )
        self._cursor.execute(query)
        self._first = self._cursor.fetchmany(_FETCH)

    def __iter__(self) -> Iterator[TupleRow]:
        batch = self._first
        while batch:
            yield from batch
            batch = self._cursor.fetchmany(_FETCH)

    def close(self) -> None:
        self._cursor.close()


def _paired(
    left: Iterable[TupleRow], right: Iterable[TupleRow]
) -> Iterator[tuple[int, list[Any], list[Any]]]:
    """The rows of both sides, merged by their hash."""
    ours, theirs = groupby(left, itemgetter(0)), groupby(right, itemgetter(0))
    mine, other = next(ours, None), next(theirs, None)
    while mine is not None or other is not None:
        key = min(side[0] for side in (mine, other) if side is not None)
        here: list[Any] = []
        there: list[Any] = []
        if mine is not None and mine[0] == key:
            here = list(mine[1])
            mine = next(ours, None)
        if other is not None and other[0] == key:
            there = list(other[1])
            other = next(theirs, None)
        yield key, here, there


def _rows(_: int, left: Sequence[TupleRow], right: Sequence[TupleRow]) -> Iterator[Difference]:
    if len(left) == len(right) == 1 and left[0] == right[0]:
        return
    by_key: defaultdict[Key, tuple[Counter[int], Counter[int]]] = defaultdict(lambda: (Counter(), Counter()))
    for place, side in enumerate((left, right)):
        for _, row, *texts in side:
            by_key[tuple(texts)][place][row] += 1
    for key, (ours, theirs) in by_key.items():
        missing, extra = (ours - theirs).total(), (theirs - ours).total()
        changed = min(missing, extra)
        kinds: dict[Kind, int] = {"changed": changed, "missing": missing - changed, "extra": extra - changed}
        for kind, times in kinds.items():
            if times:
                yield Difference(kind, key, times=times)


def _copies(row: int, left: Sequence[TupleRow], right: Sequence[TupleRow]) -> Iterator[Difference]:
    ours, theirs = (sum(row[1] for row in side) for side in (left, right))
    if ours != theirs:
        yield Difference("missing" if ours > theirs else "extra", (), row, abs(ours - theirs))


Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A difference with its values.

    Args:
        left: The compared columns' texts on the left, in the order of :attr:`Match.columns`; None if it is missing.
        right: The same on the right.
    """

    difference: Difference
    left: Values | None = None
    right: Values | None = None
    columns: Sequence[str] = field(default=())

    @property
    def changes(self) -> dict[str, tuple[str | None, str | None]]:
        """The values on the left and the right of the columns that differ, if the row is on both sides."""
        if self.left is None or self.right is None:
            return {}
        pairs = zip(self.columns, self.left, self.right, strict=True)
        return {name: (mine, other) for name, mine, other in pairs if mine != other}


def look_up(left: Side, right: Side, match: Match, found: Sequence[Difference]) -> list[Shown]:
    """The values of these few rows, in one query per side.

    Raises:
        psycopg.Error: If a server reports an error.
    """
    if not found:
        return []
    look = _by_key if match.key else _by_hash
    ours, theirs = both(lambda side: look(side, match, found), left, right)
    return [
        Shown(difference, *_sides(difference, ours[place], theirs[place]), match.columns)
        for place, difference in enumerate(found)
    ]


def _sides(
    difference: Difference, ours: list[Values], theirs: list[Values]
) -> tuple[Values | None, Values | None]:
    """If a key is not unique: one of the rows that the other side lacks."""
    if difference.row:  # both sides may have it, but not equally often
        ours, theirs = (ours, []) if difference.kind == "missing" else ([], theirs)
    mine = next((Counter(ours) - Counter(theirs)).elements(), None)
    other = next((Counter(theirs) - Counter(ours)).elements(), None)
    return (mine if difference.kind != "extra" else None), (other if difference.kind != "missing" else None)


def _by_key(side: Side, match: Match, found: Sequence[Difference]) -> list[list[Values]]:
    names = [Identifier(f"key_{place}") for place in range(len(match.key))]
    arrays = [
        SQL("{}::text[]").format(Literal([difference.key[place] for difference in found]))
        for place in range(len(names))
    ]
    some_null = any(part is None for difference in found for part in difference.key)
    query = QUERIES["by_key"].format(
        values=_values(match),
        keys=SQL(", ").join(arrays),
        names=SQL(", ").join(names),
        relation=side.relation,
        same_key=SQL(" AND ").join(_same_keys(side, match.key, names, some_null=some_null)),
    )
    rows: list[list[Values]] = [[] for _ in found]
    for place, *values in side.rows(query):
        rows[place - 1].append(tuple(values))
    return rows


def _same_keys(
    side: Side, key: Sequence[str], names: Sequence[Identifier], *, some_null: bool
) -> Iterable[Composable]:
    # `=` can use an index, but does not match null.
    same = SQL("IS NOT DISTINCT FROM" if some_null else "=")
    for column, name in zip(key, names, strict=True):
        # The type's name as the server writes it, which can be used in SQL.
        type_ = SQL(side.columns[column].name)
        yield SQL("compared.{} {} asked.{}::{}").format(Identifier(column), same, name, type_)


def _by_hash(side: Side, match: Match, found: Sequence[Difference]) -> list[list[Values]]:
    if not match.columns:
        return [[()] for _ in found]
    query = QUERIES["by_hash"].format(
        key_hash=key_hash(match),
        values=_values(match),
        relation=side.relation,
        hashes=Literal([difference.row for difference in found]),
    )
    rows = {number: tuple(values) for number, *values in side.rows(query)}
    return [[rows[difference.row]] if difference.row in rows else [] for difference in found]


def _values(match: Match) -> Composable:
    return SQL(", ").join(map(printed, match.columns))
