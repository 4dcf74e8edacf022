"""Exactly once, from table to table: a copy that is killed at any step and repeated has the result of one clean run,
and no difference that `penstock diff` could find.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.acceptance.killing import kill_at, start
from tests.databases import uri

import penstock
from penstock.model.connection import Connection
from penstock.routes.comparison import compare

ROWS = 4_000
SOURCE = f"""
CREATE TABLE src (id int PRIMARY KEY, name text, at timestamp NOT NULL);
INSERT INTO src SELECT n, 'new ' || n, timestamp '2013-02-01' + n * interval '1 minute'
FROM generate_series(1, {ROWS}) AS n
"""
# Some rows are equal already, some are older, some are gone from the source.
TARGET = """
CREATE TABLE t (id int PRIMARY KEY, name text, at timestamp NOT NULL);
INSERT INTO t SELECT id, CASE WHEN id % 3 = 0 THEN 'old' ELSE name END, at FROM src WHERE id % 2 = 0;
INSERT INTO t SELECT -n, 'gone', timestamp '2013-01-01' FROM generate_series(1, 50) AS n
"""
MODES: dict[str, dict[str, Any]] = {
    "merge": {"mode": "merge"},
    "mirror": {"mode": "mirror"},
    "cursor": {"cursor": "at"},
}
ARGUMENTS = ("warehouse:src", "warehouse:t")


class Scene:
    """A table and what is to become of it, set up again for each kill."""

    def __init__(self, warehouse: Connection) -> None:
        self.uri = uri(warehouse)
        self._session = psycopg.connect(self.uri, autocommit=True, prepare_threshold=None)
        self._session.execute(SOURCE)

    def reset(self) -> None:
        self._session.execute("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS penstock_ledger CASCADE")
        self._session.execute(TARGET)

    def state(self) -> list[list[tuple[Any, ...]]]:
        counts = "id, read, loaded, inserted, updated, unchanged, deleted, rejected"
        queries = ("SELECT * FROM t ORDER BY id", f"SELECT {counts} FROM penstock_ledger.copies")
        return [self._session.execute(query).fetchall() for query in queries]

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def scene(warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", uri(warehouse))
    made = Scene(warehouse)
    yield made
    made.close()


@pytest.mark.soak
@pytest.mark.parametrize("mode", ["mirror", "cursor"])
def test_killed_at_every_step(scene: Scene, mode: str) -> None:
    scene.reset()
    clean = penstock.copy(*ARGUMENTS, **MODES[mode])
    expected = scene.state()
    assert (clean.read, clean.rejected) == (ROWS, 0)
    assert (clean.deleted == 50) is (mode == "mirror")
    assert compare(*ARGUMENTS).counts == {"missing": 0, "extra": 50 - clean.deleted, "changed": 0}
    for step in range(200):
        scene.reset()
        process = start(scene.uri, step, ARGUMENTS, MODES[mode])
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        penstock.copy(*ARGUMENTS, **MODES[mode])
        assert scene.state()[0] == expected[0], f"step {step}"
    else:
        pytest.fail("the copy has no end")
    assert step >= 15, "the steps are no longer watched"
    assert scene.state() == expected


@pytest.mark.parametrize("mode", MODES)
def test_killed_at_random_instants(scene: Scene, mode: str) -> None:
    scene.reset()
    started = time.perf_counter()
    start(scene.uri, None, ARGUMENTS, MODES[mode]).join()
    seconds = time.perf_counter() - started
    expected = scene.state()[0]
    chance = random.Random(mode)
    deaths = 0
    for _ in range(8):
        scene.reset()
        process = start(scene.uri, None, ARGUMENTS, MODES[mode])
        deaths += kill_at(process, chance.uniform(0, seconds))
        penstock.copy(*ARGUMENTS, **MODES[mode])
        assert scene.state()[0] == expected
    assert deaths, "no copy was killed"
