"""Comparisons while others write, of many differences, between unlike servers, and of a side that fails."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql
from tests.databases import uri

from penstock.model.connection import Connection, Secret
from penstock.model.errors import PenstockError
from penstock.postgres.diff import checksums, differences, match, query, table
from penstock.routes.comparison import Comparison, compare

Sides = Callable[..., None]
Compared = Callable[..., Comparison]

NUMBERS = (
    "CREATE TABLE t (id int PRIMARY KEY, v text);"
    "INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, {}) AS i"
)


@contextmanager
def snapshot(connection: Connection) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(uri(connection)) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield session


@pytest.mark.parametrize("few_rows", [0, checksums._FEW_ROWS])
def test_many_differences(
    sides: Sides, compared: Compared, few_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "_FEW_ROWS", few_rows)
    sides(NUMBERS.format(20_000))
    sides(
        "DELETE FROM t WHERE id % 7 = 0",
        "UPDATE t SET v = NULL WHERE id % 5 = 1; DELETE FROM t WHERE id % 11 = 0",
    )
    ids = range(1, 20_001)
    here, there = {i for i in ids if i % 7}, {i for i in ids if i % 11}
    found = compared(limit=0)
    assert (found.left_rows, found.right_rows) == (len(here), len(there))
    assert found.counts == {
        "missing": len(here - there),
        "extra": len(there - here),
        "changed": sum(i % 5 == 1 for i in here & there),
    }
    assert compared(limit=0, key=()).counts["changed"] == 0


def test_one_difference_is_found_in_finer_ranges(
    sides: Sides, compared: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "_FEW_ROWS", 0)
    sides(NUMBERS.format(3_000))
    sides("SELECT", "UPDATE t SET v = '' WHERE id = 1234")
    assert [shown.difference.key for shown in compared().shown] == [("1234",)]


def test_what_is_written_meanwhile_is_not_seen(
    sides: Sides, source: Connection, warehouse: Connection
) -> None:
    sides(NUMBERS.format(100))
    sides("SELECT", "DELETE FROM t WHERE id = 50")
    with snapshot(source) as mine, snapshot(warehouse) as other:
        left, right = table(mine, "public", "t"), table(other, "public", "t")
        how = match(left, right)
        found = checksums.narrow(left, right, how)
        sides("DELETE FROM t WHERE id < 60", "UPDATE t SET v = ''")
        assert [difference.key for difference in differences(left, right, how, found)] == [("50",)]
    assert compare("source:t", "warehouse:t").counts == {"missing": 0, "extra": 58, "changed": 41}


def test_a_query_may_rename_cast_and_filter(sides: Sides, source: Connection, warehouse: Connection) -> None:
    sides(
        "CREATE TABLE t (ident text, worth int); INSERT INTO t VALUES ('1', 10), ('2', 20), ('3', 30)",
        "CREATE TABLE t (id int PRIMARY KEY, worth numeric); INSERT INTO t VALUES (1, 10), (2, 25)",
    )
    text = sql.SQL("SELECT ident::int AS id, worth FROM t WHERE ident < '3'")
    with snapshot(source) as mine, snapshot(warehouse) as other:
        left, right = query(mine, text, label="source"), table(other, "public", "t")
        how = match(left, right)
        assert how.key == ("id",)
        assert [(d.kind, d.key) for d in differences(left, right, how)] == [("changed", ("2",))]


def test_when_one_side_fails_the_other_is_stopped(sides: Sides) -> None:
    sides(
        "CREATE VIEW t AS SELECT 1 / (random() * 0)::int AS v FROM generate_series(1, 3)",
        "CREATE VIEW t AS SELECT pg_sleep(60)::text::int AS v",
    )
    started = time.monotonic()
    with pytest.raises(PenstockError, match="division by zero"):
        compare("source:t", "warehouse:t")
    assert time.monotonic() - started < 30


def test_rows_that_a_login_may_not_see(
    sides: Sides, source: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides(NUMBERS.format(9))
    login = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(uri(source), autocommit=True) as session:
        session.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'narrow'").format(sql.Identifier(login)))
        try:
            monkeypatch.setenv(
                "PENSTOCK_CONN_SOURCE", uri(replace(source, login=login, password=Secret("narrow")))
            )
            with pytest.raises(PenstockError, match="permission denied for table t"):
                compare("source:t", "warehouse:t")
            session.execute(sql.SQL("GRANT SELECT ON t TO {}").format(sql.Identifier(login)))
            assert compare("source:t", "warehouse:t").same
            session.execute("ALTER TABLE t ENABLE ROW LEVEL SECURITY")
            with pytest.raises(PenstockError, match="row security hides rows of t from this login"):
                compare("source:t", "warehouse:t")
        finally:
            session.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(login)))


def test_servers_that_keep_text_in_other_encodings(
    sides: Sides, compared: Compared, cluster: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides("CREATE TABLE t (id text PRIMARY KEY, v text); INSERT INTO t VALUES ('ä', 'Zürich'), ('b', '')")
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(uri(replace(cluster, database="postgres")), autocommit=True) as server:
        make = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        server.execute(make.format(sql.Identifier(name)))
        try:
            latin = uri(replace(cluster, database=name))
            monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", latin)
            with psycopg.connect(latin, autocommit=True) as session:
                session.execute("CREATE TABLE t (id text PRIMARY KEY, v text)")
                session.execute("INSERT INTO t VALUES ('ä', 'Zürich'), ('b', '')")
                assert compared().same
                session.execute("UPDATE t SET v = 'Zurich' WHERE id = 'ä'")
                assert compared().shown[0].changes == {"v": ("Zürich", "Zurich")}
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_as_many_columns_as_a_table_may_have(sides: Sides, compared: Compared) -> None:
    columns = ", ".join(f"c{number} smallint" for number in range(1_600))
    sides(f"CREATE TABLE t ({columns}); INSERT INTO t (c0, c1599) VALUES (1, 2)")
    assert compared().same
    sides("SELECT", "UPDATE t SET c1599 = 3")
    assert compared(key=["c0"]).shown[0].changes == {"c1599": ("2", "3")}
