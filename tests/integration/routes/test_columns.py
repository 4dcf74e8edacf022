"""One rule for the names of columns, on every route and for every option that names one."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query

import penstock
from penstock.model.errors import ContractError
from penstock.routes.comparison import compare

SALES = (
    'CREATE TABLE t ("SaleID" int PRIMARY KEY, "Ship Mode" text, price int);'
    "INSERT INTO t VALUES (1, 'air', 10), (2, 'sea', 20), (3, 'air', 30)"
)
ALIKE = 'CREATE TABLE sales (sale_id int PRIMARY KEY, ship_mode text, "PRICE" int)'


def exported(out: Path) -> list[dict[str, str]]:
    (part,) = out.glob("part-*.csv")
    with part.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({"columns": "sale_id,PRICE"}, [("1", "10"), ("2", "20"), ("3", "30")]),
        (
            {"columns": "sale_id,PRICE", "filter_column": "ship_mode", "filter_value": "air"},
            [("1", "10"), ("3", "30")],
        ),
        ({"columns": "sale id", "column": ["Price=price + 1"]}, [("1", "11"), ("2", "21"), ("3", "31")]),
        (
            {"column": ["id=sale_id", "Price=price + 1", "ship_mode=''"]},
            [("1", "11", ""), ("2", "21", ""), ("3", "31", "")],
        ),
    ],
)
def test_an_export_and_a_table_have_the_same_columns(
    options: dict[str, Any], rows: list[tuple[str, ...]], here: Query, there: Query, tmp_path: Path
) -> None:
    here(SALES)
    penstock.copy("source:t", f"{tmp_path}/out/", format="csv", **options)
    penstock.copy("source:t", "warehouse:new", **options)
    written = exported(tmp_path / "out")
    assert [tuple(row.values()) for row in written] == rows
    names = [
        row[0]
        for row in there(
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'new' "
            "ORDER BY ordinal_position"
        )
    ]
    assert list(written[0]) == names
    listed = json.dumps(names)[1:-1]
    assert [tuple(map(str, row)) for row in there(f"SELECT {listed} FROM new ORDER BY 1")] == rows


@pytest.mark.parametrize("kind", ["file", "table"])
def test_into_a_table_whose_columns_are_spelled_otherwise(
    kind: str, here: Query, there: Query, tmp_path: Path
) -> None:
    here(SALES)
    there(ALIKE)
    path = tmp_path / "t.csv"
    path.write_text("SaleID,Ship Mode,price\n1,air,10\n2,sea,20\n3,air,30\n")
    source = str(path) if kind == "file" else "source:t"
    options: dict[str, Any] = {"mode": "merge", "key": "saleid", "order_by": "price"}
    filtered: dict[str, Any] = {"filter_column": "SHIP_MODE", "filter_value": "air"}
    assert penstock.copy(source, "warehouse:sales", **options, **filtered).inserted == 2
    interval: dict[str, Any] = {"interval_column": "SALE_ID", "interval_start": "2", "interval_end": "3"}
    one = path if kind == "file" else None
    if one is not None:
        one.write_text("SaleID,Ship Mode,price\n2,sea,20\n")
    assert penstock.copy(source, "warehouse:sales", mode="interval", **interval).inserted == 1
    assert there('SELECT sale_id, "PRICE" FROM sales ORDER BY 1') == [(1, 10), (2, 20), (3, 30)]
    assert compare("source:t", "warehouse:sales").same


def test_a_cursor_and_a_key(here: Query, there: Query) -> None:
    here(SALES)
    options: dict[str, Any] = {"key": "SALE_ID", "cursor": "sale id"}
    assert penstock.copy("source:t", "warehouse:new", **options).read == 3
    here("INSERT INTO t VALUES (4, 'air', 40)")
    assert penstock.copy("source:t", "warehouse:new", **options).read == 1
    assert there("SELECT count(*) FROM new") == [(4,)]


def test_a_comparison(here: Query, there: Query) -> None:
    here(SALES)
    there(f"{ALIKE}; INSERT INTO sales VALUES (1, 'air', 10), (2, 'sea', 21), (4, 'air', 30)")
    choices: list[dict[str, Any]] = [{}, {"key": ["sale id"], "columns": ["Price"]}]
    for options in choices:
        found = compare("source:t", "warehouse:sales", by_column=True, **options)
        assert found.counts == {"missing": 1, "extra": 1, "changed": 1}
        assert (found.match.key, found.by_column) == (("SaleID",), {"price": 1})
        assert (found.match.only_left, found.match.only_right) == ((), ())
    here("ALTER TABLE t DROP CONSTRAINT t_pkey")
    there("ALTER TABLE sales DROP CONSTRAINT sales_pkey")
    assert compare("source:t", "warehouse:sales").counts == {"missing": 2, "extra": 2, "changed": 0}


def test_the_exact_name_wins_and_none_is_lost(here: Query, there: Query, tmp_path: Path) -> None:
    table = 'CREATE TABLE t (ab int, a_b int, "AB" int)'
    here(f"{table}; INSERT INTO t VALUES (1, 2, 3)")
    there(table)
    assert penstock.copy("source:t", "warehouse:t", mode="replace").loaded == 1
    assert there("SELECT * FROM t") == [(1, 2, 3)]
    penstock.copy("source:t", f"{tmp_path}/out/", format="csv", columns="a_b,AB")
    assert exported(tmp_path / "out") == [{"a_b": "2", "AB": "3"}]
    assert compare("source:t", "warehouse:t", columns=["AB"]).same


@pytest.mark.parametrize("target", ["warehouse:t", "out/"])
def test_a_name_that_may_be_several_is_refused(
    target: str, here: Query, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here("CREATE TABLE t (ab int, a_b int)")
    with pytest.raises(ContractError, match="'A B' matches several columns: ab, a_b"):
        penstock.copy("source:t", target, columns="A B")
    with pytest.raises(ContractError, match="column 'c' is not in the source"):
        penstock.copy("source:t", target, columns="c")


def test_a_query_with_two_columns_of_one_name() -> None:
    with pytest.raises(ContractError, match="duplicate column 'a'"):
        penstock.copy("source:", "warehouse:t", query="SELECT 1 AS a, 2 AS a")


def test_an_expression_is_not_taken_for_a_column(here: Query, there: Query) -> None:
    here("CREATE TABLE t (price int, price_100 int); INSERT INTO t VALUES (1, 2)")
    penstock.copy("source:t", "warehouse:t", column=["cents=price * 100"])
    assert there("SELECT price, price_100, cents FROM t") == [(1, 2, 100)]
