"""Only what is new since the last copy, and nothing that is new is missed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.databases import Query, uri

import penstock
from penstock.model.connection import Connection
from penstock.model.errors import ContractError, UsageError

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v text, at timestamptz); CREATE INDEX ON t (at)"
START = (
    "INSERT INTO t SELECT n, 'v' || n, timestamptz '2013-02-01' + n * interval '1 hour' "
    "FROM generate_series(1, 200) AS n"
)


@pytest.fixture(autouse=True)
def table(here: Query) -> None:
    here(TABLE)
    here(START)


def bring(cursor: str = "at", **options: Any) -> penstock.CopyResult:
    return penstock.copy("source:t", "warehouse:t", cursor=cursor, **options)


def same(here: Query, there: Query) -> bool:
    rows = "SELECT id, v, at::text FROM t ORDER BY 1"
    return here(rows) == there(rows)


@pytest.mark.parametrize("cursor", ["at", "xmin"])
def test_only_what_is_new(here: Query, there: Query, cursor: str) -> None:
    assert bring(cursor).inserted == 200
    assert bring(cursor).read == 0
    here("UPDATE t SET v = 'changed', at = '2013-03-01' WHERE id <= 3")
    here("INSERT INTO t VALUES (1000, 'new', '2013-03-02')")
    result = bring(cursor)
    assert (result.read, result.updated, result.inserted) == (4, 3, 1)
    assert same(here, there)
    assert bring(cursor).read == 0


@pytest.mark.parametrize("cursor", ["at", "xmin"])
@pytest.mark.parametrize("in_savepoint", [False, True])
def test_a_row_committed_late_with_an_earlier_cursor(
    here: Query, there: Query, source: Connection, cursor: str, in_savepoint: bool
) -> None:
    bring(cursor)
    with psycopg.connect(uri(source)) as late:
        late.execute("INSERT INTO t VALUES (500, 'late', '2013-02-05')")
        if in_savepoint:
            late.execute("SAVEPOINT s; INSERT INTO t VALUES (501, 'late', '2013-01-01'); RELEASE s")
        here("INSERT INTO t VALUES (600, 'early', '2013-03-01')")
        bring(cursor)
        assert there("SELECT id FROM t WHERE id >= 500") == [(600,)]
        late.commit()
    bring(cursor)
    assert same(here, there)
    assert bring(cursor).read == 0


def test_a_transaction_that_began_early_and_writes_late(
    here: Query, there: Query, source: Connection
) -> None:
    here("UPDATE t SET at = now() - interval '3 hours' WHERE id = 200")
    with psycopg.connect(uri(source)) as late:
        late.execute("SELECT now()")  # its clock stands still from here on, and it has no number yet
        here("INSERT INTO t VALUES (600, 'early', clock_timestamp())")
        bring()
        late.execute("INSERT INTO t VALUES (500, 'late', now())")
        late.commit()
    bring()
    assert same(here, there)


def test_equal_cursors(here: Query, there: Query) -> None:
    here("INSERT INTO t VALUES (500, 'a', '2013-03-01')")
    bring()
    here("INSERT INTO t VALUES (499, 'b', '2013-03-01'), (501, 'c', '2013-03-01')")
    assert bring().read == 2
    assert same(here, there)
    assert bring().read == 0


def test_rows_without_a_cursor(here: Query, there: Query) -> None:
    here("INSERT INTO t VALUES (500, 'none', NULL), (501, 'never', 'infinity')")
    bring()
    here("INSERT INTO t VALUES (502, 'none', NULL), (503, 'ever', '-infinity')")
    here("UPDATE t SET v = 'changed' WHERE id IN (500, 501)")
    assert bring().read == 4
    assert same(here, there)


def test_all_without_a_cursor(here: Query, there: Query) -> None:
    here("UPDATE t SET at = NULL")
    bring()
    here("INSERT INTO t VALUES (500, 'first', '2013-02-01')")
    bring()
    assert same(here, there)


def test_clocks_that_jump(here: Query, there: Query) -> None:
    here("UPDATE t SET at = now() WHERE id = 200")
    bring()
    here("INSERT INTO t VALUES (500, 'set back', now() - interval '1 hour')")
    assert bring().read == 1
    here("INSERT INTO t VALUES (501, 'ahead', now() + interval '10 years')")
    bring()
    here("INSERT INTO t VALUES (502, 'right again', clock_timestamp())")
    bring()
    assert same(here, there)


def test_far_behind_is_found_where_it_is_asked_for(here: Query, there: Query) -> None:
    bring()
    here("INSERT INTO t VALUES (500, 'years late', '2001-01-01')")
    assert bring(lookback="2 days").read == 0
    here("UPDATE t SET v = 'again' WHERE id = 500")
    assert bring(lookback="all").read == 1
    assert same(here, there)


def test_what_was_passed_over_is_found_later(here: Query, there: Query) -> None:
    bring()
    here("INSERT INTO t VALUES (500, 'years late', '2001-01-01')")
    for _ in range(3):
        assert bring(lookback="2 days").read == 0
    assert bring(lookback="all").inserted == 1
    assert same(here, there)
    assert bring(lookback="all").read == 0


@pytest.mark.parametrize("cursor", ["at", "xmin", "id"])
def test_a_target_that_was_emptied(here: Query, there: Query, cursor: str) -> None:
    bring(cursor)
    there("TRUNCATE t")
    assert bring(cursor).inserted == 200
    assert bring(cursor).read == 0
    there("DELETE FROM t")
    assert bring(cursor).inserted == 200
    here("DELETE FROM t")
    there("DELETE FROM t")
    assert bring(cursor).read == 0


def test_a_target_that_was_restored(here: Query, there: Query, caplog: pytest.LogCaptureFixture) -> None:
    bring()
    here("INSERT INTO t VALUES (500, 'last', '2013-03-01')")
    bring()
    there("DELETE FROM t WHERE id > 150")
    assert bring().inserted == 51
    assert "warehouse:t has lost rows since the last copy" in caplog.text
    here("DELETE FROM t WHERE id = 500")
    there("DELETE FROM t WHERE id = 500")
    assert bring().read == 0


def test_watermarks_of_an_earlier_version(here: Query, there: Query) -> None:
    bring()
    there("ALTER TABLE penstock_ledger.watermarks DROP complete_open, DROP held")
    assert bring().read == 0
    there("TRUNCATE t")
    assert bring().inserted == 200


@pytest.mark.parametrize("options", [{}, {"lookback": "1000"}])
def test_numbers_as_a_cursor(here: Query, there: Query, options: dict[str, Any]) -> None:
    bring("id", **options)
    here("INSERT INTO t VALUES (300, 'next', NULL), (-5, 'earlier', NULL)")
    assert bring("id", **options).read == 2
    assert same(here, there)


def test_an_index_finds_what_is_new(here: Query, source: Connection) -> None:
    from penstock.model.plan import CopyPlan
    from penstock.postgres.relay.ends import Origin
    from penstock.postgres.relay.incremental import open_increment
    from penstock.postgres.relay.source_table import open_reading

    here(
        "INSERT INTO t SELECT n, repeat('x', 100), timestamptz '2013-03-01' + n * interval '1 hour' "
        "FROM generate_series(1000, 30000) AS n"
    )
    here("ANALYZE t")
    plan = CopyPlan(source="source:t", target="warehouse:t", mode="merge", cursor="at")
    with open_reading(source, Origin("source", "source:t", table="t"), plan) as reading:
        increment = open_increment(plan, reading)
        reading.conditions += increment.since(increment.mark())
        (part,) = reading.parts()
        text = "".join(
            str(row)
            for row in reading.connection.execute(
                b"EXPLAIN SELECT * FROM t" + part.as_bytes(reading.connection)
            ).fetchall()
        )
    assert "t_at_idx" in text
    assert "Seq Scan" not in text


def test_a_failed_copy_does_not_move_the_watermark(here: Query, there: Query) -> None:
    bring()
    there("ALTER TABLE t ADD CONSTRAINT no_x CHECK (v <> 'x')")
    here("INSERT INTO t VALUES (500, 'x', '2013-03-01'), (501, 'y', '2013-03-01')")
    with pytest.raises(penstock.PenstockError):
        bring(max_rejects="0")
    there("ALTER TABLE t DROP CONSTRAINT no_x")
    assert bring().read == 2
    assert same(here, there)


def test_a_target_made_anew_is_filled_anew(here: Query, there: Query) -> None:
    bring()
    there("DROP TABLE t")
    assert bring().read == 200
    here("DROP TABLE t")
    here(TABLE)
    here("INSERT INTO t VALUES (1, 'another table', '2001-01-01')")
    assert bring().read == 1


def test_again_reads_all(here: Query) -> None:
    bring()
    assert bring(again=True).unchanged == 200


def test_what_a_cursor_needs(here: Query) -> None:
    here("CREATE TABLE loose (at date); CREATE VIEW seen AS SELECT * FROM t")
    with pytest.raises(ContractError, match="no primary key"):
        penstock.copy("source:loose", "warehouse:loose", cursor="at")
    with pytest.raises(UsageError, match="needs a table"):
        penstock.copy("source:seen", "warehouse:seen", cursor="at", key="id")
    with pytest.raises(UsageError, match="needs the whole source"):
        bring(mode="replace")
    with pytest.raises(ContractError, match="cursor 'att' is not in the source"):
        bring("att")
