"""A copy that was done before is done again when its rows are gone from the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query

import penstock
from penstock.model.errors import TargetError

ROWS = [(1, "a"), (2, "b"), (3, "c")]
OPTIONS: list[dict[str, Any]] = [
    {"mode": "append"},
    {"mode": "replace"},
    {"mode": "merge"},
    {"mode": "interval", "interval_column": "ID", "interval_start": "1", "interval_end": "9"},
]


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "t.csv"
    path.write_text("id,v\n1,a\n2,b\n3,c\n")
    return str(path)


def held(query: Query) -> list[tuple[Any, ...]]:
    return query("SELECT id, v FROM t ORDER BY id")


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: str(options["mode"]))
@pytest.mark.parametrize("loss", ["TRUNCATE t", "DELETE FROM t WHERE id = 2"])
def test_rows_that_are_gone_come_back(
    options: dict[str, Any], loss: str, path: str, query: Query, caplog: pytest.LogCaptureFixture
) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, v text)")
    assert penstock.copy(path, "warehouse:t", **options).inserted == 3
    assert penstock.copy(path, "warehouse:t", **options).already
    query(loss)
    result = penstock.copy(path, "warehouse:t", **options)
    assert (result.already, held(query)) == (False, ROWS)
    assert "warehouse:t has changed since, so they are copied again" in caplog.text
    assert penstock.copy(path, "warehouse:t", **options).already


def test_without_a_key_rows_are_not_doubled(path: str, query: Query) -> None:
    query("CREATE TABLE t (id int, v text)")
    penstock.copy(path, "warehouse:t")
    query("DELETE FROM t WHERE id = 2")
    with pytest.raises(TargetError, match="loaded 3 rows before, and warehouse:t holds only 2 rows now"):
        penstock.copy(path, "warehouse:t")
    assert len(held(query)) == 2
    query("DELETE FROM t")
    assert penstock.copy(path, "warehouse:t").loaded == 3


@pytest.mark.parametrize("change", ["UPDATE t SET v = 'other' WHERE id = 2", "INSERT INTO t VALUES (4, 'd')"])
@pytest.mark.parametrize("key", ["", " PRIMARY KEY"])
def test_replace_finds_what_others_changed(change: str, key: str, path: str, query: Query) -> None:
    query(f"CREATE TABLE t (id int{key}, v text)")
    penstock.copy(path, "warehouse:t", mode="replace")
    query(change)
    assert not penstock.copy(path, "warehouse:t", mode="replace").already
    assert held(query) == ROWS


def test_rows_that_others_updated_stay_in_the_modes_that_add(path: str, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, v text)")
    penstock.copy(path, "warehouse:t", mode="merge")
    query("UPDATE t SET v = 'other' WHERE id = 2")
    assert penstock.copy(path, "warehouse:t", mode="merge").already
    assert held(query)[1] == (2, "other")


def test_from_table_to_table(query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')")
    penstock.copy("warehouse:t", "warehouse:made")
    query("TRUNCATE made")
    assert penstock.copy("warehouse:t", "warehouse:made").loaded == 1


def test_several_files_into_a_table_that_was_emptied(tmp_path: Path, query: Query) -> None:
    query("CREATE TABLE t (id int PRIMARY KEY, v text)")
    for number in (1, 2):
        (tmp_path / f"{number}.csv").write_text(f"id,v\n{number},a\n")
    for _ in range(2):
        assert penstock.copy(f"{tmp_path}/*.csv", "warehouse:t").loaded == 2
        query("TRUNCATE t")
