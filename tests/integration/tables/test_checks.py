"""Checks of copies from table to table."""

from __future__ import annotations

import pytest
from tests.databases import Query

import penstock
from penstock.model.errors import CheckFailed, ContractError


@pytest.mark.parametrize("mode", ["append", "replace", "merge", "mirror"])
def test_a_failed_check_rolls_back_in_every_mode(here: Query, there: Query, mode: str) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY, day date)")
    here("INSERT INTO t VALUES (1, '2013-02-01'), (2, NULL)")
    for _ in range(2):  # into a new table, and into one that exists
        with pytest.raises(CheckFailed, match="not_null:day: 1 row without a value"):
            penstock.copy("source:t", "warehouse:t", mode=mode, checks="not_null:day")  # type: ignore[arg-type]
        if there("SELECT to_regclass('t')") == [(None,)]:
            there("CREATE TABLE t (id int PRIMARY KEY, day date)")
    assert there("SELECT count(*) FROM t") == [(0,)]
    here("UPDATE t SET day = '2013-02-02'")
    made = penstock.copy("source:t", "warehouse:t", mode=mode, checks=["not_null:day", "volume:50%"])  # type: ignore[arg-type]
    assert [one.passed for one in made.checks] == [True, True]
    with pytest.raises(ContractError, match=r"'dya' is not in public\.t"):
        penstock.copy("source:t", "warehouse:t", mode=mode, checks="not_null:dya")  # type: ignore[arg-type]


def test_an_incremental_copy_without_new_rows_finds_that_the_table_is_stale(here: Query) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY, at timestamptz DEFAULT now() - interval '3 days')")
    here("INSERT INTO t VALUES (1)")
    penstock.copy("source:t", "warehouse:t", key="id", cursor="id")
    with pytest.raises(CheckFailed, match=r"fresh:at=2 days: the newest value is .*, 3 days old"):
        penstock.copy("source:t", "warehouse:t", key="id", cursor="id", checks="fresh:at=2 days")


def test_an_append_that_was_done_before_is_checked_again(here: Query, there: Query) -> None:
    here("CREATE TABLE t (id int)")
    here("INSERT INTO t VALUES (1)")
    penstock.copy("source:t", "warehouse:t")
    assert penstock.copy("source:t", "warehouse:t", checks="unique:id").already
    there("INSERT INTO t VALUES (1)")
    with pytest.raises(CheckFailed, match="more than once"):
        penstock.copy("source:t", "warehouse:t", checks="unique:id")
