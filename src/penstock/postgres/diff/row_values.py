"""Looks up the values of a few rows that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.postgres.diff.columns import Match
from penstock.postgres.diff.differences import Difference
from penstock.postgres.diff.hashes import key_hash, printed
from penstock.postgres.diff.relation import QUERIES, Side, both

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
