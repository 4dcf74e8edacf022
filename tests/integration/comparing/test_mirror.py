"""What a copy of mode `mirror` leaves: nothing that a comparison could find."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import penstock
from penstock.postgres.diff import checksums
from penstock.routes.comparison import compare

Sides = Callable[..., None]

# Columns and rows (on the left, on the right), row by row in pairs: other values, and values that are equal to the
# server but print otherwise.
EQUAL_BUT_NOT_THE_SAME = [
    ("numeric", "1.00", "1.0"),
    ("numeric[]", "{1.00}", "{1.0}"),
    ("numrange", "[1.00,2)", "[1.0,2)"),
    ("double precision", "-0", "0"),
    ("real[]", "{-0}", "{0}"),
    ("jsonb", '{"a": 1.00}', '{"a": 1.0}'),
    ("interval", "1 month", "30 days"),
    ("json", '{"a":1}', '{"a": 1}'),
    ("text", "a", "A"),
    ("char(3)", "a", "b"),
]

TABLES = {
    "composite": "(a text, b date, v int, PRIMARY KEY (b, a))",
    "texts": '(a text COLLATE "C" PRIMARY KEY, b date, v int)',
    "reordered": "(v int, b date, a text PRIMARY KEY)",
}
ROWS = "SELECT chr(97 + i % 26) || i, date '2013-02-01' + i % 28, CASE WHEN i % 9 > 0 THEN i END"


def test_values_that_are_equal_but_print_otherwise(sides: Sides) -> None:
    names = [f"v{place}" for place in range(len(EQUAL_BUT_NOT_THE_SAME))]
    columns = ", ".join(f"{name} {row[0]}" for name, row in zip(names, EQUAL_BUT_NOT_THE_SAME, strict=True))
    left, right = (
        "; ".join(
            f"INSERT INTO t (id, {name}) VALUES ({place}, '{row[side]}')"
            for place, (name, row) in enumerate(zip(names, EQUAL_BUT_NOT_THE_SAME, strict=True))
        )
        for side in (1, 2)
    )
    make = f"CREATE TABLE t (id int PRIMARY KEY, {columns}); "
    sides(make + left, make + right)
    assert compare("source:t", "warehouse:t").counts["changed"] == len(names)
    assert penstock.copy("source:t", "warehouse:t", mode="mirror").updated == len(names)
    assert compare("source:t", "warehouse:t").same


@pytest.mark.parametrize("few_rows", [0, checksums._FEW_ROWS])
def test_tables_of_every_shape(sides: Sides, few_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "_FEW_ROWS", few_rows)
    for name, shape in TABLES.items():
        fill = f"INSERT INTO {name} (a, b, v) {ROWS} FROM generate_series(1, 2000) AS i;"
        sides(f"CREATE TABLE {name} {shape}; {fill}")
        sides(
            f"DELETE FROM {name} WHERE v % 11 = 0; UPDATE {name} SET v = NULL WHERE v % 100 = 1",
            f"DELETE FROM {name} WHERE v % 13 = 0; INSERT INTO {name} (a, b) VALUES ('gone', '2013-02-01')",
        )
        before = compare(f"source:{name}", f"warehouse:{name}").counts
        account = penstock.copy(f"source:{name}", f"warehouse:{name}", mode="mirror")
        assert (account.inserted, account.deleted, account.updated) == tuple(before.values())
        assert compare(f"source:{name}", f"warehouse:{name}").same
        again = penstock.copy(f"source:{name}", f"warehouse:{name}", mode="mirror")
        assert (again.inserted, again.deleted, again.updated) == (0, 0, 0)
        assert again.unchanged == again.read == account.read
