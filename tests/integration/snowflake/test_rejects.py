"""Rows that a Snowflake table does not accept: found by the server, and copied to quarantine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.snowflake.test_load import exported
from typer.testing import CliRunner

import penstock
from penstock.cli.main import app
from penstock.model.errors import ContractError, TargetError, TooManyRejects, UsageError
from penstock.objects.s3 import S3Store
from penstock.routes.quarantine import replay

Execute = Callable[[str], list[dict[str, object]]]
Query = Callable[..., list[tuple[Any, ...]]]

LABOR = """
    CREATE TABLE labor (id int PRIMARY KEY, name text, pay numeric(10,2), day text);
    INSERT INTO labor VALUES
        (1, 'Ann', 12.50, '2013-02-01'), (2, 'O''Neil', NULL, NULL), (3, 'Eve', 99999.99, '2013-02-01'),
        (4, NULL, 1, '2013-02-01'), (5, 'Bob', 1.25, 'someday'), (6, '100 % of it', 1, '2013-02-02')
"""
TABLE = "CREATE TABLE DAILY.LABOR (ID NUMBER(38,0), NAME VARCHAR(7) NOT NULL, PAY NUMBER(5,2), DAY DATE)"
REASONS = {"bad_type": 1, "missing": 1, "out_of_range": 1, "too_long": 1}
LOADED = [(1, "Ann", "12.50", "2013-02-01"), (2, "O'Neil", None, None)]


@pytest.fixture
def labor(execute: Execute, snow: Query, stage: str) -> str:
    """A table of six rows, of which the one in Snowflake takes two; the stage."""
    execute(LABOR)
    snow(TABLE)
    return stage


def rows(snow: Query) -> list[tuple[Any, ...]]:
    return snow("SELECT ID, NAME, PAY::VARCHAR, DAY::VARCHAR FROM DAILY.LABOR ORDER BY ID")


def test_good_rows_are_loaded_and_the_others_kept_on_both_sides(
    store: S3Store, execute: Execute, snow: Query, labor: str
) -> None:
    source = exported(store)

    result = penstock.copy(source, "snow:daily.labor", stage=labor, max_rejects="4")

    assert (result.read, result.loaded, result.rejected, result.rejects) == (6, 2, 4, REASONS)
    assert rows(snow) == LOADED
    there = snow(
        "SELECT REASON, FIELD, RAW FROM PENSTOCK_LEDGER.REJECTS WHERE ID = %s ORDER BY LINE", result.id
    )
    here = execute(
        'SELECT reason, "column", raw FROM penstock_ledger.rejects JOIN penstock_ledger.copies USING (run)'
        f" WHERE id = '{result.id}' ORDER BY line"
    )
    assert [tuple(row.values()) for row in here] == there
    expected = [
        ("out_of_range", "pay", 3),
        ("missing", "name", 4),
        ("bad_type", "day", 5),
        ("too_long", "name", 6),
    ]
    assert [(reason, field, json.loads(raw)["id"]) for reason, field, raw in there] == expected
    (kept,) = execute(f"SELECT read, loaded, rejected FROM penstock_ledger.copies WHERE id = '{result.id}'")
    assert kept == {"read": 6, "loaded": 2, "rejected": 4}


def test_rejects_of_text_are_judged_by_their_text(store: S3Store, snow: Query, labor: str) -> None:
    result = penstock.copy(exported(store, format="csv"), "snow:daily.labor", stage=labor, max_rejects="70%")

    # A value that is out of range for a number has a text that TRY_CAST cannot convert.
    assert result.rejects == {"bad_type": 2, "missing": 1, "too_long": 1}
    assert rows(snow) == LOADED


@pytest.mark.soak
def test_each_reject_names_its_file(
    store: S3Store, execute: Execute, snow: Query, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.postgres.copy_out._BLOCK_BYTES", 10_000)
    execute(
        "CREATE TABLE labor AS SELECT i::text AS id, md5(i::text) AS name FROM generate_series(1, 3000) AS i"
    )
    execute("UPDATE labor SET id = 'no ' || id WHERE id IN ('1', '2', '3000')")  # which moves them to the end
    execute("CREATE VIEW sorted AS SELECT * FROM labor ORDER BY replace(id, 'no ', '')::int")
    snow("CREATE TABLE DAILY.LABOR (ID NUMBER(38,0), NAME VARCHAR)")
    address = f"{store.name}/labor/"
    penstock.copy("source:sorted", address, max_file_size="40KB", format="csv")

    result = penstock.copy(address, "snow:daily.labor", stage=stage, max_rejects="3")

    assert (result.read, result.loaded, result.rejected) == (3000, 2997, 3)
    files = sorted(f"{store.name}/{one.key}" for one in store.list("labor/part-"))
    kept = snow("SELECT FILE, LINE FROM PENSTOCK_LEDGER.REJECTS ORDER BY FILE, LINE")
    assert len(files) > 2
    assert kept == [(files[0], 1), (files[0], 2), (files[-1], 1)]
    assert snow("SELECT count(*), count(DISTINCT ID) FROM DAILY.LABOR") == [(2997, 2997)]
    assert snow("SHOW TABLES IN SCHEMA PENSTOCK_LEDGER")[0][1] == "COPIES"
    assert not [
        row for row in snow("SHOW TABLES IN SCHEMA PENSTOCK_LEDGER") if str(row[1]).startswith("SIEVE")
    ]


def test_too_many_load_nothing(store: S3Store, execute: Execute, snow: Query, labor: str) -> None:
    with pytest.raises(
        TooManyRejects, match=r"4 of 6 rows rejected, 3 allowed; nothing was loaded\n.*labor/part-"
    ):
        penstock.copy(exported(store), "snow:daily.labor", stage=labor, max_rejects="3")

    assert rows(snow) == []
    assert snow("SELECT count(*) FROM PENSTOCK_LEDGER.REJECTS") == [(0,)]
    assert execute("SELECT count(*) AS n FROM penstock_ledger.rejects") == [{"n": 0}]


def test_twice_is_once_and_what_was_not_brought_back_is(
    store: S3Store, execute: Execute, snow: Query, labor: str
) -> None:
    first = penstock.copy(exported(store), "snow:daily.labor", stage=labor, max_rejects="4")
    execute(
        "TRUNCATE penstock_ledger.copies, penstock_ledger.rejects"
    )  # as if it had been killed just before

    second = penstock.copy(exported(store), "snow:daily.labor", stage=labor, max_rejects="5")

    assert (second.already, second.id, second.rejects) == (True, first.id, REASONS)
    assert len(rows(snow)) == 2
    assert execute("SELECT count(*) AS n FROM penstock_ledger.rejects") == [{"n": 4}]
    assert snow("SELECT count(*) FROM PENSTOCK_LEDGER.REJECTS") == [(4,)]


@pytest.mark.soak
def test_without_a_threshold_one_row_fails_the_load(store: S3Store, snow: Query, labor: str) -> None:
    with pytest.raises(TargetError) as failed:
        penstock.copy(exported(store), "snow:daily.labor", stage=labor)

    assert "--max-rejects" in str(failed.value.hint)
    assert rows(snow) == []


def test_the_commands_know_them(store: S3Store, snow: Query, labor: str, tmp_path: Path) -> None:
    result = penstock.copy(exported(store), "snow:daily.labor", stage=labor, max_rejects="4")
    corrected = tmp_path / "corrected.jsonl"
    run = CliRunner().invoke

    listed = run(app, ["rejects", "list", "-c", "source"])
    shown = run(app, ["rejects", "show", result.id[:8], "-c", "source", "--reason", "missing"])
    taken = run(app, ["rejects", "export", result.id[:8], str(corrected), "-c", "source"])

    assert listed.output.count("snow:daily.labor") == 4
    assert "missing name: no value" in shown.output
    assert taken.exit_code == 0, taken.output
    assert [json.loads(line)["id"] for line in corrected.read_text().splitlines()] == [3, 4, 5, 6]
    with pytest.raises(UsageError, match="cannot be replayed into snow:daily"):
        replay("source", result.id)


def test_a_column_that_the_table_lacks_is_not_left_out(
    store: S3Store, execute: Execute, snow: Query, stage: str
) -> None:
    execute(LABOR)
    snow("CREATE TABLE DAILY.LABOR (ID NUMBER(38,0), NAME VARCHAR)")

    with pytest.raises(ContractError, match="no column pay, day"):
        penstock.copy(exported(store), "snow:daily.labor", stage=stage)
