"""Rows from table to table: every mode, what is judged, what is computed, what is known to be done."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.commands import forked
from tests.databases import Query

import penstock
from penstock.model.errors import ContractError, SourceError, TooManyRejects, UsageError
from penstock.model.plan import Mode

PRODUCT = (
    "CREATE TABLE product (product_id int PRIMARY KEY, product_name varchar(250) NOT NULL, price int, "
    "created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp NOT NULL DEFAULT now())"
)
ROWS = "INSERT INTO product SELECT n, 'Product ' || n, n * 10 FROM generate_series(1, 6) AS n"


@pytest.fixture(autouse=True)
def products(here: Query) -> None:
    here(PRODUCT)
    here(ROWS)


def same(here: Query, there: Query, target: str = "product") -> bool:
    return here("SELECT * FROM product ORDER BY 1") == there(f"SELECT * FROM {target} ORDER BY 1")


def test_into_a_table_that_is_there_and_again(here: Query, there: Query) -> None:
    there(PRODUCT)
    first = penstock.copy("source:public.product", "warehouse:public.product")
    assert (first.read, first.loaded, first.inserted, first.already) == (6, 6, 6, False)
    assert same(here, there)
    second = penstock.copy("source:public.product", "warehouse:public.product")
    assert second.already
    assert second.read == first.read
    assert there("SELECT count(*) FROM penstock_ledger.copies") == [(1,)]


def test_a_table_without_a_key_is_appended_to_once(here: Query, there: Query) -> None:
    here("CREATE TABLE loose AS SELECT 1 AS a UNION ALL SELECT 1")
    assert penstock.copy("source:loose", "warehouse:loose").loaded == 2
    assert penstock.copy("source:loose", "warehouse:loose").already
    assert there("SELECT a FROM loose") == [(1,), (1,)]
    assert penstock.copy("source:loose", "warehouse:loose", again=True).loaded == 2
    here("INSERT INTO loose VALUES (2)")
    assert penstock.copy("source:loose", "warehouse:loose").loaded == 3


@pytest.mark.parametrize("mode", ["append", "replace", "merge", "mirror"])
def test_changed_rows(here: Query, there: Query, mode: Mode) -> None:
    penstock.copy("source:product", "warehouse:product")
    there("INSERT INTO product VALUES (99, 'only there', 1)")
    there("UPDATE product SET price = 0 WHERE product_id = 1")
    here("DELETE FROM product WHERE product_id = 2")
    here("INSERT INTO product VALUES (7, 'new', 1)")
    result = penstock.copy("source:product", "warehouse:product", mode=mode)
    assert result.read == 6
    kept = [row[0] for row in there("SELECT product_id FROM product ORDER BY 1")]
    if mode == "append":
        assert (result.inserted, result.duplicates, result.rejects) == (1, 4, {"key_conflict": 1})
        assert kept == [1, 2, 3, 4, 5, 6, 7, 99]
    elif mode == "merge":
        assert (result.inserted, result.updated, result.unchanged, result.deleted) == (1, 1, 4, 0)
        assert kept == [1, 2, 3, 4, 5, 6, 7, 99]
    else:
        assert (result.inserted, result.updated, result.unchanged, result.deleted) == (1, 1, 4, 2)
        assert same(here, there)


def test_mirror_with_nothing_to_do_writes_nothing(here: Query, there: Query) -> None:
    penstock.copy("source:product", "warehouse:product", mode="mirror")
    before = there("SELECT ctid, xmin, product_id FROM product ORDER BY 3")
    result = penstock.copy("source:product", "warehouse:product", mode="mirror")
    assert (result.read, result.unchanged, result.inserted, result.updated, result.deleted) == (6, 6, 0, 0, 0)
    assert there("SELECT ctid, xmin, product_id FROM product ORDER BY 3") == before


def test_mirror_of_an_emptied_table(here: Query, there: Query) -> None:
    penstock.copy("source:product", "warehouse:product")
    here("DELETE FROM product")
    result = penstock.copy("source:product", "warehouse:product", mode="mirror")
    assert (result.read, result.deleted) == (0, 6)
    assert there("SELECT * FROM product") == []


def test_mirror_needs_a_key(here: Query, there: Query) -> None:
    here("CREATE TABLE loose (a int)")
    there("CREATE TABLE loose (a int)")
    with pytest.raises(ContractError, match="a mirror needs a key"):
        penstock.copy("source:loose", "warehouse:loose", mode="mirror")


def test_interval_reads_its_rows_only(here: Query, there: Query) -> None:
    here("CREATE TABLE day (id int PRIMARY KEY, at date)")
    here("INSERT INTO day SELECT n, date '2013-02-01' + n FROM generate_series(0, 9) AS n")
    interval: dict[str, Any] = {"mode": "interval", "interval_column": "at"}
    interval |= {"interval_start": "2013-02-03", "interval_end": "2013-02-05"}
    assert penstock.copy("source:day", "warehouse:day", **interval).loaded == 2
    here("UPDATE day SET id = id + 100 WHERE at = '2013-02-03'")
    result = penstock.copy("source:day", "warehouse:day", **interval)
    assert (result.read, result.inserted, result.deleted, result.unchanged) == (2, 1, 1, 1)
    assert [row[0] for row in there("SELECT id FROM day ORDER BY id")] == [3, 102]


def test_columns_renamed_computed_and_filtered(there: Query) -> None:
    result = penstock.copy(
        "source:product",
        "warehouse:cheap",
        columns="product_id",
        column=["name=product_name", "cents=price * 100::bigint"],
        filter_column="product_id",
        filter_value="3",
    )
    assert result.read == 1
    assert there("SELECT product_id, name, cents FROM cheap") == [(3, "Product 3", 3000)]
    assert there("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attname = 'cents'") == [
        ("bigint",)
    ]


def test_a_query_as_the_source(here: Query, there: Query) -> None:
    text = "SELECT product_id, price -- the cheap\nFROM product WHERE price < 35;"
    result = penstock.copy("source:", "warehouse:cheap", query=text, key="product_id")
    assert result.loaded == 3
    assert there("SELECT * FROM cheap ORDER BY 1") == [(1, 10), (2, 20), (3, 30)]
    assert penstock.copy("source:", "warehouse:cheap", query=text, key="product_id").already
    with pytest.raises(SourceError, match="the query failed"):
        penstock.copy("source", "warehouse:cheap", query="SELECT nothing FROM product")
    with pytest.raises(UsageError, match="a query needs a connection to a database"):
        penstock.copy("product.csv", "warehouse:cheap", query="SELECT 1")


def test_a_view_as_the_source(here: Query, there: Query) -> None:
    here("CREATE VIEW cheap AS SELECT * FROM product WHERE price < 35")
    assert penstock.copy("source:cheap", "warehouse:cheap", key="product_id").loaded == 3
    assert len(there("SELECT * FROM cheap")) == 3


def test_a_stricter_target_puts_rows_into_quarantine(here: Query, there: Query) -> None:
    here(
        "CREATE TABLE loose (id text, name text, price numeric, at timestamp, ref int, kind text); "
        "INSERT INTO loose VALUES ('1', 'ok', 1.25, '2013-02-01', 1, 'a'), "
        "('x', 'no number', 1, '2013-02-01', 1, 'a'), "
        "('2', 'much too long', 1, '2013-02-01', 1, 'a'), ('3', 'ok', 1.255, '2013-02-01', 1, 'a'), "
        "('4', 'ok', -1, '2013-02-01', 1, 'a'), ('5', 'ok', 1, '2013-02-01 10:00', 1, 'a'), "
        "('6', 'ok', 1, '2013-02-01', 2, 'a'), ('7', NULL, 1, '2013-02-01', 1, 'a'), "
        "('8', 'ok', 1, '2013-02-01', 1, 'z'), ('1', 'ok', 1.25, '2013-02-01', 1, 'a'), "
        "('1', 'other', 2, '2013-02-01', 1, 'a'), ('99999999999', 'ok', 1, '2013-02-01', 1, 'a')"
    )
    there(
        "CREATE TABLE parent (ref int PRIMARY KEY); INSERT INTO parent VALUES (1); CREATE TYPE kinds AS ENUM ('a'); "
        "CREATE TABLE strict (id int PRIMARY KEY, name varchar(5) NOT NULL, price numeric(8,2) CHECK (price > 0), "
        "at date, ref int REFERENCES parent, kind kinds)"
    )
    result = penstock.copy("source:loose", "warehouse:strict")
    assert (result.read, result.loaded, result.duplicates) == (12, 1, 1)
    assert result.rejects == {
        "bad_type": 2,
        "too_long": 1,
        "out_of_range": 3,
        "check": 1,
        "foreign_key": 1,
        "missing": 1,
        "key_conflict": 1,
    }
    assert there("SELECT id, name, price, at::text FROM strict")[0][:2] == (1, "ok")
    kept = there("SELECT raw FROM penstock_ledger.rejects WHERE reason = 'too_long'")
    assert json.loads(kept[0][0])["name"] == "much too long"
    with pytest.raises(TooManyRejects):
        penstock.copy("source:loose", "warehouse:strict", max_rejects="3", again=True)


def test_rejects_are_replayed_once_the_table_is_mended(here: Query, there: Query) -> None:
    from penstock.routes.quarantine import replay

    there(
        "CREATE TABLE product (product_id int PRIMARY KEY, product_name varchar(9), price int CHECK (price < 60))"
    )
    result = penstock.copy("source:product", "warehouse:product", columns="product_id,product_name,price")
    assert result.rejects == {"check": 1}
    there("ALTER TABLE product DROP CONSTRAINT product_price_check")
    assert replay("warehouse", result.id).loaded == 1
    assert len(there("SELECT * FROM product")) == 6


def test_numbers_widen_without_a_stage(here: Query, there: Query) -> None:
    here("CREATE TABLE n (a smallint PRIMARY KEY, b int, c numeric(8,2), d varchar(5), e numeric(6,2))")
    here("INSERT INTO n VALUES (1, 2, 3.25, 'four', 5.00)")
    there("CREATE TABLE n (a bigint PRIMARY KEY, b numeric, c numeric(10,3), d text, e int)")
    assert penstock.copy("source:n", "warehouse:n").loaded == 1
    assert there("SELECT a, b, c::text, d, e FROM n") == [(1, 2, "3.250", "four", 5)]


@pytest.mark.parametrize(
    ("origin", "error", "words"),
    [
        ("source:nowhere", SourceError, "no table source:nowhere"),
        ("source:other.product", SourceError, "no table"),
        ("nobody:product", penstock.PenstockError, "no connection 'nobody'"),
    ],
)
def test_what_is_not_there(origin: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        penstock.copy(origin, "warehouse:product")


def test_the_command(here: Query, there: Query, tmp_path: Path) -> None:
    (tmp_path / "cheap.sql").write_text("SELECT product_id, price FROM product WHERE price < 35")

    def run(*words: str) -> dict[str, object]:
        command = [str(forked()), "copy", *words, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        result: dict[str, object] = json.loads(done.stdout)
        return result

    assert (
        run("source:product", "warehouse:a", "--columns", "product_id", "--column", "p=price")["loaded"] == 6
    )
    assert run("source:", "warehouse:b", "--query", "cheap.sql")["loaded"] == 3
    assert run("source:product", "warehouse:c", "--mode", "mirror")["inserted"] == 6


@pytest.mark.parametrize("options", [{"format": "csv"}, {"header": ("id",)}, {"null_values": ("-",)}])
def test_what_says_how_to_read_a_file_is_refused(here: Query, options: dict[str, Any]) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY)")
    with pytest.raises(UsageError, match="do not apply to a table"):
        penstock.copy("source:t", "warehouse:t", **options)


@pytest.mark.parametrize(
    "options", [{"mode": "merge"}, {"mode": "replace"}, {"mode": "mirror"}, {"cursor": "at"}]
)
@pytest.mark.parametrize("serial", [True, False], ids=["key", "expression"])
def test_unique_values_that_move(here: Query, there: Query, options: dict[str, Any], serial: bool) -> None:
    index = "UNIQUE (mail)" if serial else "EXCLUDE (id WITH =)"
    here(
        f"CREATE TABLE person (id int PRIMARY KEY, mail text, at timestamp DEFAULT clock_timestamp(), {index})"
    )
    here("CREATE UNIQUE INDEX lowered ON person (lower(mail))")
    here("INSERT INTO person VALUES (1, 'a@x'), (2, 'b@x'), (3, 'c@x'), (9, 'z@x')")
    assert penstock.copy("source:person", "warehouse:person", **options).inserted == 4
    for mail, id_ in [("n@x", 1), ("a@x", 2), ("b@x", 1), ("d@x", 3)]:
        here("UPDATE person SET mail = %s, at = clock_timestamp() WHERE id = %s", mail, id_)
    here("INSERT INTO person VALUES (4, 'c@x')")
    result = penstock.copy("source:person", "warehouse:person", **options)
    assert (result.inserted, result.updated, result.rejected) == (1, 3, 0)
    assert there("SELECT * FROM person ORDER BY id") == here("SELECT * FROM person ORDER BY id")


@pytest.mark.parametrize("mode", ["append", "replace", "merge", "mirror"])
@pytest.mark.parametrize("straight", [True, False], ids=["straight", "staged"])
def test_a_row_that_makes_the_server_fail(here: Query, there: Query, mode: Mode, straight: bool) -> None:
    here("CREATE TABLE event (id int PRIMARY KEY, at date, span int4range)")
    here(
        "INSERT INTO event SELECT n, '2013-02-01'::date + n, int4range(n * 10, n * 10 + 5) "
        "FROM generate_series(1, 40) AS n; "
        "UPDATE event SET at = 'infinity' WHERE id = 7; UPDATE event SET at = '9999-12-31' WHERE id = 8; "
        "UPDATE event SET span = int4range(21, 23) WHERE id = 9"
    )
    there(
        "CREATE TABLE event (id int PRIMARY KEY, at date, span int4range, EXCLUDE USING gist (span WITH &&))"
        if straight
        else "CREATE TABLE event (id int, at date, span int4range, UNIQUE (id, at)) PARTITION BY RANGE (at)"
    )
    result = penstock.copy("source:event", "warehouse:event", mode=mode, key="id")
    assert (result.loaded, result.rejects) == (39, {"key_conflict" if straight else "check": 1})
    kept = there("SELECT line, raw::json ->> 'id', message FROM penstock_ledger.rejects")
    assert [row[1] for row in kept] == ["9" if straight else "7"]
    assert len(there("SELECT 1 FROM event")) == 39
