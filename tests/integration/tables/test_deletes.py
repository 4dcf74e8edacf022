"""Rows that the source has deleted: flagged rows are deleted at the target, or rows without a source are marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query

import penstock
from penstock.model.errors import ContractError, UsageError

FLAGGED = "CREATE TABLE t (id int PRIMARY KEY, email text UNIQUE, gone boolean, at timestamptz DEFAULT now())"


def bring(**options: Any) -> penstock.CopyResult:
    return penstock.copy("source:t", "warehouse:t", **{"mode": "merge", **options})


def test_flagged_rows_are_not_loaded_into_a_new_table(here: Query, there: Query) -> None:
    here(FLAGGED)
    here("INSERT INTO t VALUES (1, 'a', NULL), (2, 'b', true), (3, 'c', false)")
    result = bring(delete_flag="gone")
    assert (result.read, result.inserted, result.filtered, result.deleted) == (2, 2, 1, 0)
    assert there("SELECT id FROM t ORDER BY 1") == [(1,), (3,)]
    assert there("SELECT conname FROM pg_constraint WHERE contype = 'p' AND conrelid = 't'::regclass")


@pytest.mark.parametrize("options", [{}, {"cursor": "at"}, {"cursor": "xmin"}], ids=["merge", "at", "xmin"])
def test_flagged_rows_are_deleted(here: Query, there: Query, options: dict[str, Any]) -> None:
    here(FLAGGED)
    here("INSERT INTO t VALUES (1, 'a', false), (2, 'b', false)")
    bring(delete_flag="gone", **options)
    # The new row takes over a unique value that the deleted row gives up.
    here("UPDATE t SET gone = true, email = NULL, at = clock_timestamp() WHERE id = 2")
    here("INSERT INTO t VALUES (3, 'b', false, clock_timestamp())")
    result = bring(delete_flag="gone", **options)
    assert (result.inserted, result.deleted, result.filtered, result.rejected) == (1, 1, 1, 0)
    assert there("SELECT id, email FROM t ORDER BY 1") == [(1, "a"), (3, "b")]
    assert bring(delete_flag="gone", **options).deleted == 0


def test_the_last_of_several_rows_of_a_file_decides(tmp_path: Path, there: Query) -> None:
    there("CREATE TABLE t (id int PRIMARY KEY, v text, n int, gone boolean)")
    there("INSERT INTO t VALUES (1, 'old', 5), (2, 'old', 5), (4, 'newer', 9)")
    (tmp_path / "in.csv").write_text(
        "id,v,n,gone\n1,a,6,false\n1,,7,true\n2,,6,true\n2,back,7,false\n3,x,1,true\n4,,8,true\n"
    )
    result = penstock.copy(
        str(tmp_path / "in.csv"), "warehouse:t", mode="merge", order_by="n", delete_flag="gone"
    )
    assert (result.read, result.updated, result.deleted, result.filtered) == (1, 1, 1, 5)
    assert there("SELECT id, v FROM t ORDER BY 1") == [(2, "back"), (4, "newer")]


def test_a_flag_has_to_be_boolean(here: Query) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY, gone timestamptz)")
    here("INSERT INTO t VALUES (1, NULL), (2, now())")
    with pytest.raises(ContractError, match="gone of warehouse:t is timestamp with time zone, not boolean"):
        bring(delete_flag="gone")
    assert bring(delete_flag="gone", column=["gone=gone IS NOT NULL"]).inserted == 1


def test_a_table_that_refers_to_a_deleted_row_stops_the_copy(here: Query, there: Query) -> None:
    here(FLAGGED)
    here("INSERT INTO t VALUES (1, 'a', false)")
    bring()
    there("CREATE TABLE child (id int REFERENCES t); INSERT INTO child VALUES (1)")
    here("UPDATE t SET gone = true")
    with pytest.raises(penstock.PenstockError, match="child"):
        bring(delete_flag="gone")
    assert there("SELECT gone FROM t") == [(False,)]


@pytest.mark.parametrize("options", [{}, {"cursor": "id"}, {"cursor": "xmin"}], ids=["merge", "id", "xmin"])
def test_rows_without_a_source_are_marked(here: Query, there: Query, options: dict[str, Any]) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY, v text)")
    here("INSERT INTO t SELECT n, 'v' || n FROM generate_series(1, 5) AS n")
    assert bring(soft_delete="deleted_at", **options).inserted == 5
    here("DELETE FROM t WHERE id IN (2, 3)")
    result = bring(soft_delete="deleted_at", **options)
    assert (result.deleted, result.rejected) == (2, 0)
    assert there("SELECT id, v FROM t WHERE deleted_at IS NOT NULL ORDER BY 1") == [(2, "v2"), (3, "v3")]
    marked = there("SELECT deleted_at FROM t WHERE id = 3")
    # A row that is there again is unmarked; the others keep their time.
    here("INSERT INTO t VALUES (2, 'again')")
    assert bring(soft_delete="deleted_at", **options).deleted == 0
    assert there("SELECT id FROM t WHERE deleted_at IS NOT NULL") == [(3,)]
    assert there("SELECT deleted_at FROM t WHERE id = 3") == marked
    assert there("SELECT v FROM t WHERE id = 2") == [("again",)]


def test_marks_of_a_boolean_and_the_rows_of_a_filter(here: Query, there: Query) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY, region text)")
    here("INSERT INTO t VALUES (1, 'n'), (2, 'n'), (3, 's')")
    bring()
    there("ALTER TABLE t ADD COLUMN gone boolean NOT NULL DEFAULT false")
    here("DELETE FROM t WHERE id IN (2, 3)")
    assert bring(soft_delete="gone", filter_column="region", filter_value="n").deleted == 1
    assert there("SELECT id, gone FROM t ORDER BY 1") == [(1, False), (2, True), (3, False)]


def test_a_rejected_row_is_not_marked(here: Query, there: Query) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY, v text)")
    here("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    there("CREATE TABLE t (id text PRIMARY KEY, v varchar(3), deleted_at timestamp)")
    bring(soft_delete="deleted_at")
    here("UPDATE t SET v = 'too long' WHERE id = 2")
    result = bring(soft_delete="deleted_at")
    assert (result.rejects, result.deleted) == ({"too_long": 1}, 0)


def test_what_does_not_fit_is_refused(tmp_path: Path, here: Query, there: Query) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with pytest.raises(ContractError, match="the source has a column v, too"):
        bring(soft_delete="v")
    bring()
    with pytest.raises(ContractError, match="soft delete column 'deleted_at' is not in warehouse:t"):
        bring(soft_delete="deleted_at")
    there("ALTER TABLE t ADD COLUMN n int")
    with pytest.raises(ContractError, match="the soft delete column n of warehouse:t is integer"):
        bring(soft_delete="n")
    with pytest.raises(UsageError, match="apply to --mode merge and --cursor"):
        bring(mode="mirror", soft_delete="n")
    (tmp_path / "in.csv").write_text("id\n1\n")
    with pytest.raises(UsageError, match="--soft-delete applies from table to table"):
        penstock.copy(str(tmp_path / "in.csv"), "warehouse:t", mode="merge", soft_delete="n")
