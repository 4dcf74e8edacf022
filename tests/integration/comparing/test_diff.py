"""`penstock diff` on real servers: what is the same, what differs, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock.cli.main import main
from penstock.routes import comparison
from penstock.routes.comparison import Comparison

Sides = Callable[..., None]
Compared = Callable[..., Comparison]
Diff = Callable[..., tuple[int, Any]]

PRODUCTS = """
CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, price numeric(8, 2), sold timestamptz);
INSERT INTO t SELECT i, 'product ' || i, i / 4.0, '2013-02-01Z'::timestamptz + i * interval '1 minute'
FROM generate_series(1, 1000) AS i;
"""


def found(comparison: Comparison) -> dict[tuple[str | None, ...], str]:
    return {shown.difference.key: shown.difference.kind for shown in comparison.shown}


def test_equal_tables(sides: Sides, diff: Diff) -> None:
    sides(PRODUCTS)
    assert diff() == (0, "the same: 1,000 rows in source:t and warehouse:t\n")


def test_two_tables_without_rows_are_the_same_and_it_says_so(sides: Sides, diff: Diff) -> None:
    sides("CREATE TABLE t (id int PRIMARY KEY)")
    assert diff() == (
        0,
        "the same, but there is nothing to compare: source:t and warehouse:t have no rows\n",
    )
    sides("INSERT INTO t VALUES (1)")
    assert diff() == (0, "the same: 1 row in source:t and warehouse:t\n")


def test_rows_that_differ(sides: Sides, diff: Diff) -> None:
    sides(PRODUCTS)
    sides("DELETE FROM t WHERE id = 7", "DELETE FROM t WHERE id = 8; UPDATE t SET price = NULL WHERE id = 9")
    code, output = diff("--json")
    assert code == 1
    assert (output["same"], output["missing"], output["extra"], output["changed"]) == (False, 1, 1, 1)
    rows = {row["kind"]: row for row in output["rows"]}
    assert rows["missing"]["key"] == {"id": "8"}
    assert rows["extra"]["key"] == {"id": "7"}
    assert rows["extra"]["values"]["name"] == "product 7"
    assert rows["changed"]["changes"] == {"price": {"left": "2.25", "right": None}}


def test_rows_that_differ_in_words(sides: Sides, diff: Diff) -> None:
    sides(PRODUCTS)
    sides("DELETE FROM t WHERE id = 8", "UPDATE t SET name = 'a b' WHERE id = 9")
    code, text = diff("--columns", "name")
    assert code == 1
    assert "  missing                0  not in warehouse:t\n" in text
    assert '+ id=8  name="product 8"\n' in text
    assert '~ id=9  name "product 9" -> "a b"\n' in text


def test_limit_counts_all_and_shows_some(sides: Sides, diff: Diff) -> None:
    sides(PRODUCTS, PRODUCTS + "UPDATE t SET price = price + 1")
    code, text = diff("--limit", "3")
    assert code == 1
    assert "changed            1,000" in text
    shown = [int(line.split()[1].removeprefix("id=")) for line in text.splitlines() if line.startswith("~")]
    assert len(shown) == 3
    assert shown == sorted(shown)
    assert "... and 997 more (--limit)" in text


def test_columns_that_changed_are_counted_over_all_rows(
    sides: Sides, diff: Diff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_AT_A_TIME", 7)
    sides(PRODUCTS)
    sides(
        "DELETE FROM t WHERE id = 1",
        "UPDATE t SET price = 0 WHERE id <= 100; UPDATE t SET sold = NULL WHERE id <= 25",
    )
    code, output = diff("--json", "--by-column", "--limit", "3")
    assert code == 1
    assert output["by_column"] == {"price": 99, "sold": 24}
    assert len(output["rows"]) == 3
    bars = {line.split()[0]: line.count("\N{FULL BLOCK}") for line in diff("--by-column")[1].splitlines()}
    assert (bars["price"], bars["sold"]) == (40, 10)
    assert "by_column" not in diff("--json")[1]


def test_values_that_changed_places(sides: Sides, compared: Compared) -> None:
    sides("CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 10, 20), (2, 30, 40)")
    assert compared().same
    sides("SELECT", "UPDATE t SET a = CASE id WHEN 1 THEN 30 ELSE 10 END")
    assert found(compared()) == {("1",): "changed", ("2",): "changed"}
    sides("SELECT", "UPDATE t SET a = b, b = a WHERE id = 1; UPDATE t SET a = 30 WHERE id = 2")
    assert found(compared()) == {("1",): "changed"}


# Pairs of values that are not the same, though a server's hash or comparison may take them for equal.
PAIRS = [
    ("bigint", "4294967301", "4"),  # the server's hash of bigint keeps 32 bits
    ("bigint", "-1", "0"),
    ("numeric", "5", "-5"),  # that of numeric leaves out the sign
    ("numeric", "1.0", "1.00"),
    ("numeric", "NaN", "0"),
    ("float8", "0", "-0"),
    ("float8", "0.1", "0.10000000000000002"),
    ("timestamptz", "2013-02-01 00:00:00.000001Z", "2013-02-01Z"),
    ("timestamp", "infinity", "-infinity"),
    ("text", "", None),
    ("text", "a", "a "),
    ("text", "\u00e9", "e\u0301"),
    ("bool", "true", None),
    ("bool", "false", None),
    ("bool", "true", "false"),
    ("jsonb", '{"a": 1.0}', '{"a": 1.00}'),
    ("text[]", "{NULL}", "{}"),
    ("int[]", "{{1},{2}}", "{1,2}"),
    ("bytea", "\\x00", "\\x"),
    ("interval", "1 month", "30 days"),
]


@pytest.mark.parametrize("key", [("id",), ()], ids=["with a key", "without a key"])
def test_every_difference_is_seen(sides: Sides, compared: Compared, key: tuple[str, ...]) -> None:
    names = [f"v{place}" for place in range(len(PAIRS))]
    columns = ", ".join(f"{name} {type_}" for name, (type_, _, _) in zip(names, PAIRS, strict=True))
    rows = [", ".join(map(_literal, values)) for values in zip(*(pair[1:] for pair in PAIRS), strict=True)]
    make = f"CREATE TABLE t (id int PRIMARY KEY, {columns});"
    sides(*(f"{make} INSERT INTO t VALUES (1, {values})" for values in rows))
    for name in names:
        shown = compared(key=key, columns=[*key, name]).shown
        assert [each.difference.kind for each in shown] in (
            ["changed"],
            ["missing", "extra"],
            ["extra", "missing"],
        )
    sides("SELECT", f"TRUNCATE t; INSERT INTO t VALUES (1, {rows[0]})")
    assert compared(key=key).same


def test_columns_in_another_order_and_types_that_print_alike(sides: Sides, compared: Compared) -> None:
    sides(
        "CREATE TABLE t (id int PRIMARY KEY, n int, s varchar(9), b bool, f float4);"
        "INSERT INTO t VALUES (1, 2, 'x', true, 0.1)",
        "CREATE TABLE t (f float8, b text, s text, n numeric, id bigint);"
        "INSERT INTO t VALUES (0.1, 'true', 'x', 2, 1)",
    )
    assert compared().same


def test_bags_of_rows(sides: Sides, diff: Diff) -> None:
    sides("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (1, 'x'), (2, NULL)")
    assert diff()[0] == 0
    sides("INSERT INTO t VALUES (1, 'x')", "INSERT INTO t VALUES (2, NULL), (2, NULL)")
    code, text = diff()
    assert code == 1
    assert "- a=1 b=x\n" in text
    assert "+ a=2 b=null  (2 times)\n" in text


def test_a_key_that_is_not_unique(sides: Sides, compared: Compared) -> None:
    sides("CREATE TABLE t (k int, v int); INSERT INTO t VALUES (1, 1), (1, 2), (NULL, 3)")
    assert compared(key=["k"]).same
    sides("INSERT INTO t VALUES (1, 5)", "INSERT INTO t VALUES (1, 2), (NULL, 3)")
    differing = compared(key=["k"])
    assert differing.counts == {"missing": 0, "extra": 1, "changed": 1}
    changes = [shown.changes for shown in differing.shown if shown.difference.kind == "changed"]
    assert changes == [{"v": ("5", "2")}]


def test_composite_keys_and_texts(sides: Sides, compared: Compared) -> None:
    sides(
        "CREATE TABLE t (a text, b date, v int, PRIMARY KEY (a, b));"
        "INSERT INTO t SELECT chr(64 + i), date '2013-02-01' + i, i FROM generate_series(1, 20) AS i"
    )
    assert compared().same
    sides("UPDATE t SET v = 0 WHERE a = 'C'", "DELETE FROM t WHERE a = 'D'")
    assert found(compared()) == {("C", "2013-02-04"): "changed", ("D", "2013-02-05"): "missing"}


def test_columns_that_one_side_lacks(sides: Sides, diff: Diff) -> None:
    sides("CREATE TABLE t (id int PRIMARY KEY, a int)", "CREATE TABLE t (id int PRIMARY KEY, b int)")
    code, text = diff()
    assert code == 1
    assert "only source:t has the columns a\n" in text
    assert "only warehouse:t has the columns b\n" in text
    assert diff("--columns", "id")[0] == 0


def test_what_cannot_be_compared_is_not_different(sides: Sides, capsys: pytest.CaptureFixture[str]) -> None:
    sides(
        "CREATE TABLE t (id int); CREATE VIEW unlike AS SELECT 1 AS y;"
        "CREATE VIEW broken AS SELECT 1 / (random() * 0)::int AS x;"
        "CREATE SCHEMA closed; CREATE TABLE closed.t (id int)"
    )
    for arguments, words in (
        (["source:nowhere", "warehouse:t"], "no table source:nowhere"),
        (["source:t", "warehouse:t", "--key", "ident"], "source:t has no column 'ident'"),
        (["source:t", "warehouse:t", "--columns", "x"], "source:t has no column 'x'"),
        (["source:t", "warehouse:unlike"], "have no columns in common"),
        (["source:broken", "warehouse:broken"], "division by zero"),
        (["source:t", "nowhere:t"], "no connection 'nowhere'"),
        (["source:t", "t.csv"], "invalid table address"),
    ):
        assert main(["diff", *arguments]) == 2
        assert words in capsys.readouterr().err


def _literal(value: str | None) -> str:
    return "NULL" if value is None else f"'{value}'"


def test_tables_without_columns(sides: Sides, diff: Diff) -> None:
    sides("CREATE TABLE t (); INSERT INTO t DEFAULT VALUES; INSERT INTO t DEFAULT VALUES")
    assert diff() == (0, "the same: 2 rows in source:t and warehouse:t\n")
    sides("SELECT", "INSERT INTO t DEFAULT VALUES; INSERT INTO t DEFAULT VALUES")
    code, text = diff()
    assert (code, text.splitlines()[-1]) == (1, "+ a row without columns  (2 times)")
    sides("SELECT", "ALTER TABLE t ADD COLUMN x int")
    code, text = diff()
    assert (code, "only warehouse:t has the columns x" in text) == (1, True)
    sides("DROP TABLE t; CREATE TABLE t ()")
    assert diff()[0] == 0
