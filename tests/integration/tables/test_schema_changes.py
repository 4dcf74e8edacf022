"""The table follows its source as far as --on-change allows, in the transaction of the copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query

import penstock
from penstock.model.errors import ContractError, UsageError

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v varchar(5) NOT NULL, n numeric(6,2))"
TYPES = (
    "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
    "WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)


@pytest.fixture
def table(here: Query) -> None:
    here(TABLE)
    here("INSERT INTO t VALUES (1, 'a', 1.25), (2, 'b', 2.50)")
    bring()


def bring(**options: Any) -> penstock.CopyResult:
    return penstock.copy("source:t", "warehouse:t", **{"mode": "merge", **options})


@pytest.mark.usefixtures("table")
def test_a_new_column(here: Query, there: Query) -> None:
    here("ALTER TABLE t ADD COLUMN x timestamptz NOT NULL DEFAULT '2013-02-01 00:00Z'")
    here("COMMENT ON COLUMN t.x IS 'when'")
    with pytest.raises(ContractError, match="the source has column x"):
        bring()
    result = bring(on_change="add")
    assert result.changes == ("added column x timestamp with time zone",)
    assert there("SELECT count(*) FROM t WHERE x = '2013-02-01 00:00Z'") == [(2,)]
    assert there("SELECT col_description('t'::regclass, 4)") == [("when",)]
    assert there("SELECT plan -> 'changes' FROM penstock_ledger.copies ORDER BY run DESC LIMIT 1") == [
        (["added column x timestamp with time zone"],)
    ]
    assert bring(on_change="add").changes == ()


@pytest.mark.usefixtures("table")
def test_add_does_not_widen(here: Query, there: Query) -> None:
    here("ALTER TABLE t ALTER v TYPE varchar(20)")
    here("INSERT INTO t VALUES (3, 'much too long', 1)")
    before = there(TYPES)
    result = bring(on_change="add")
    assert (result.rejects, result.changes, there(TYPES)) == ({"too_long": 1}, (), before)


@pytest.mark.usefixtures("table")
def test_wider_types(here: Query, there: Query) -> None:
    here("ALTER TABLE t ALTER v TYPE text, ALTER v DROP NOT NULL, ALTER n TYPE numeric(9,3)")
    here("INSERT INTO t VALUES (3, NULL, 123456.125)")
    result = bring(on_change="widen")
    assert result.changes == (
        "widened column v from character varying(5) to text",
        "dropped NOT NULL of column v",
        "widened column n from numeric(6,2) to numeric(9,3)",
        "the server rewrote the table",  # its scale changed
    )
    assert there("SELECT * FROM t ORDER BY 1") == here("SELECT * FROM t ORDER BY 1")


@pytest.mark.usefixtures("table")
def test_a_longer_varchar_does_not_rewrite_the_table(here: Query) -> None:
    here("ALTER TABLE t ALTER v TYPE varchar(50)")
    assert bring(on_change="widen").changes == (
        "widened column v from character varying(5) to character varying(50)",
    )


@pytest.mark.usefixtures("table")
def test_a_key_of_more_digits(here: Query, there: Query) -> None:
    here("ALTER TABLE t ALTER id TYPE bigint")
    here("INSERT INTO t VALUES (3000000000, 'big', 1)")
    result = bring(on_change="widen", mode="mirror")
    assert result.changes == ("widened column id from integer to bigint", "the server rewrote the table")
    assert there("SELECT max(id) FROM t") == [(3000000000,)]


@pytest.mark.usefixtures("table")
def test_a_dropped_column(here: Query, there: Query) -> None:
    there("ALTER TABLE t ADD COLUMN loaded_at timestamptz DEFAULT now(), ADD COLUMN own text")
    bring(fill_missing=True)
    here("ALTER TABLE t DROP COLUMN v")
    here("INSERT INTO t VALUES (3, 1)")
    with pytest.raises(ContractError, match="the source lacks column v"):
        bring()
    result = bring(on_change="widen")
    assert result.changes == ("dropped NOT NULL of column v",)
    assert there("SELECT id, v FROM t ORDER BY 1") == [(1, "a"), (2, "b"), (3, None)]
    # Only what copies brought is dropped, not the table's own columns.
    assert bring(on_change="follow").changes == ("dropped column v",)
    assert [name for name, *_ in there(TYPES)] == ["id", "n", "loaded_at", "own"]


@pytest.mark.usefixtures("table")
def test_columns_that_are_not_selected_are_not_dropped(there: Query) -> None:
    assert bring(on_change="follow", columns="id,v").changes == ()
    assert [name for name, *_ in there(TYPES)] == ["id", "v", "n"]


@pytest.mark.usefixtures("table")
def test_nothing_changes_if_the_copy_fails(here: Query, there: Query) -> None:
    here("ALTER TABLE t ADD COLUMN x int, ALTER n TYPE text USING 'no number'")
    before = there(TYPES)
    with pytest.raises(penstock.PenstockError, match="2 of 2 rows rejected"):
        bring(on_change="follow", max_rejects=0)
    assert there(TYPES) == before


@pytest.mark.usefixtures("table")
def test_a_view_that_stands_in_the_way_is_named(here: Query, there: Query) -> None:
    there("CREATE VIEW w AS SELECT n FROM t")
    here("ALTER TABLE t ALTER n TYPE numeric(9,2)")
    with pytest.raises(ContractError, match="view w"):
        bring(on_change="widen")


@pytest.mark.usefixtures("table")
def test_a_cursor_fills_a_new_column_of_old_rows(here: Query, there: Query) -> None:
    bring(cursor="id")
    here("ALTER TABLE t ADD COLUMN x int NOT NULL DEFAULT 7")
    result = bring(cursor="id", on_change="add")
    assert (result.read, result.updated) == (2, 2)
    assert there("SELECT x FROM t") == [(7,), (7,)]


def test_new_labels_of_an_enum_are_refused_by_name(here: Query, there: Query) -> None:
    here("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    here("CREATE TABLE t (id int PRIMARY KEY, m mood)")
    here("INSERT INTO t VALUES (1, 'sad')")
    bring()
    here("ALTER TYPE mood ADD VALUE 'calm' AFTER 'sad'")
    assert bring(on_change="add").rejected == 0
    with pytest.raises(ContractError, match=r"type public\.mood of column m lacks 'calm'") as refused:
        bring(on_change="widen")
    assert refused.value.hint is not None
    there(refused.value.hint.partition(": ")[2])
    here("INSERT INTO t VALUES (2, 'calm')")
    assert bring(on_change="widen").inserted == 1
    assert there("SELECT enum_range(NULL::mood)::text") == [("{sad,calm,glad}",)]


def test_a_new_column_of_a_type_that_is_missing(here: Query, there: Query) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY)")
    here("INSERT INTO t VALUES (1)")
    bring()
    here("CREATE TYPE mood AS ENUM ('sad')")
    here("ALTER TABLE t ADD COLUMN m mood DEFAULT 'sad'")
    assert bring(on_change="add").changes == ("added column m public.mood",)
    assert there("SELECT m::text FROM t") == [("sad",)]


def test_partitions_change_with_their_table(here: Query, there: Query) -> None:
    here("CREATE TABLE t (id int, at date NOT NULL, v varchar(5)) PARTITION BY RANGE (at)")
    here("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2013-01-01') TO ('2014-01-01')")
    here("INSERT INTO t VALUES (1, '2013-02-01', 'a')")
    bring(mode="replace")
    here("ALTER TABLE t ALTER v TYPE text, ADD COLUMN x int DEFAULT 3")
    result = bring(mode="replace", on_change="widen")
    assert result.changes == ("added column x integer", "widened column v from character varying(5) to text")
    assert there("SELECT x FROM t1") == [(3,)]


def test_it_is_for_postgres_and_not_for_left_out_columns(tmp_path: Path, here: Query) -> None:
    here(TABLE)
    with pytest.raises(UsageError, match="--on-change applies to tables"):
        penstock.copy("source:t", f"{tmp_path}/", on_change="add")
    with pytest.raises(UsageError, match="--skip-extra leaves new columns out"):
        bring(on_change="add", skip_extra=True)
