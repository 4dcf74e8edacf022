"""Compares two tables, on one server or two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psycopg
from psycopg import IsolationLevel

from penstock.lookup.connections import find
from penstock.model.address import parse_table
from penstock.postgres.connect import PgConnection, connect, refused
from penstock.postgres.diff import Difference, Match, align, differences, match, narrow, table
from penstock.postgres.diff.differences import Shown, look_up

# Number of rows whose values are looked up in one query.
_AT_A_TIME = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison.

    Args:
        left: Address of the left table.
        right: Address of the right table.
        match: The compared columns.
        left_rows: Number of rows on the left.
        right_rows: Number of rows on the right.
        counts: Number of different rows: ``missing`` on the right, ``extra`` on the right, and ``changed``.
        shown: Some of these rows with their values.
        by_column: For each column, in how many of the changed rows it differs, most first; None if not requested.
        visible_rows_only: Rows that row security hides from the logins were skipped.
    """

    left: str
    right: str
    match: Match
    left_rows: int
    right_rows: int
    counts: dict[str, int]
    shown: list[Shown]
    by_column: dict[str, int] | None = None
    visible_rows_only: bool = False

    @property
    def same(self) -> bool:
        """Whether both have the same columns and rows."""
        return not (any(self.counts.values()) or self.match.only_left or self.match.only_right)

    def to_dict(self) -> dict[str, Any]:
        """The result as values for JSON."""
        return {
            "same": self.same,
            "left": {"table": self.left, "rows": self.left_rows, "only": list(self.match.only_left)},
            "right": {"table": self.right, "rows": self.right_rows, "only": list(self.match.only_right)},
            "key": list(self.match.key),
            "columns": list(self.match.columns),
            **self.counts,
            **({} if self.by_column is None else {"by_column": self.by_column}),
            **({"visible_rows_only": True} if self.visible_rows_only else {}),
            "rows": [_row(self.match, shown) for shown in self.shown],
        }


def compare(  # noqa: PLR0913  # the last ones are options
    left: str,
    right: str,
    *,
    key: Sequence[str] | None = None,
    columns: Sequence[str] = (),
    limit: int = 20,
    by_column: bool = False,
    visible_rows_only: bool = False,
) -> Comparison:
    """Compare two tables, each at one snapshot, without writing.

    Args:
        left: ``connection:schema.table``; it may be a view.
        right: The other table or view.
        key: Columns that identify a row; by default the primary key.
        columns: Compare only these and the key.
        limit: Maximum number of different rows whose values are looked up.
        by_column: Look up the values of all changed rows, to count the differences by column.
        visible_rows_only: Skip rows that row security hides from the logins, instead of failing.

    Raises:
        PenstockError: If a table cannot be read.

    Example:
        >>> compare("source:public.product", "warehouse:public.product").same
        True
    """
    ours, theirs = parse_table(left), parse_table(right)
    with (
        _snapshot(ours.connection, visible_rows_only=visible_rows_only) as mine,
        _snapshot(theirs.connection, visible_rows_only=visible_rows_only) as other,
    ):
        try:
            here = table(mine, ours.schema, ours.table, label=left)
            there = align(here, table(other, theirs.schema, theirs.table, label=right))
            how = match(here, there, key, columns)
            found = narrow(here, there, how)
            counts: Counter[str] = Counter(missing=0, extra=0, changed=0)
            columns_changed: Counter[str] = Counter()
            shown: list[Shown] = []
            for some in _some(differences(here, there, how, found)):
                for difference in some:
                    counts[difference.kind] += difference.times
                wanted = some[: limit - len(shown)]
                if by_column:
                    wanted += [each for each in some[len(wanted) :] if each.kind == "changed"]
                looked_up = look_up(here, there, how, wanted)
                for each in looked_up:
                    columns_changed.update(list(each.changes))
                shown += looked_up[: limit - len(shown)]
        except psycopg.Error as error:
            raise refused(error, f"comparing {left} and {right}") from error
    return Comparison(
        left=left,
        right=right,
        match=how,
        left_rows=found.left,
        right_rows=found.right,
        counts=dict(counts),
        shown=sorted(shown, key=_place),
        by_column=dict(columns_changed.most_common()) if by_column else None,
        visible_rows_only=visible_rows_only,
    )


def _some(found: Iterator[Difference]) -> Iterator[list[Difference]]:
    while batch := list(islice(found, _AT_A_TIME)):
        yield batch


def _place(shown: Shown) -> list[tuple[bool, int, str]]:
    """The sort order of shown rows: by key or values, with numbers in numeric order."""
    texts = shown.difference.key or shown.left or shown.right or ()
    return [(text is None, *_in_order(text or "")) for text in texts]


def _in_order(text: str) -> tuple[int, str]:
    try:
        return int(text), text
    except ValueError:
        return 0, text


@contextmanager
def _snapshot(name: str, *, visible_rows_only: bool) -> Iterator[PgConnection]:
    connection = connect(find(name), visible_rows_only=visible_rows_only)
    try:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            yield connection
    finally:
        connection.close()


def _row(how: Match, shown: Shown) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": shown.difference.kind}
    if how.key:
        row["key"] = dict(zip(how.key, shown.difference.key, strict=True))
    row["times"] = shown.difference.times
    if shown.difference.kind == "changed":
        row["changes"] = {
            name: {"left": mine, "right": other} for name, (mine, other) in shown.changes.items()
        }
    else:
        row["values"] = dict(zip(how.columns, shown.left or shown.right or (), strict=True))
    return row
