"""Streams the rows in which two sides differ, in bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count, groupby
from operator import itemgetter
from typing import Any
from typing import Literal as Only

import psycopg
from psycopg.rows import TupleRow, tuple_row
from psycopg.sql import SQL, Composable

from penstock.postgres.diff.checksums import Found, narrow
from penstock.postgres.diff.columns import Match
from penstock.postgres.diff.hashes import key_hash, printed, row_hash
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
