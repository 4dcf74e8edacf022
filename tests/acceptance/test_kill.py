"""Exactly once: a copy that is killed at any step and repeated leaves the result of one clean run."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.acceptance.killing import kill_at, start
from tests.databases import uri

import penstock
from penstock.model.connection import Connection

State = list[list[tuple[Any, ...]]]

# Enough rows for several batches in flight, with every way a row can go.
ROWS = 3_000
BEFORE = "INSERT INTO t SELECT n, 'old ' || n, '2013-02-02' FROM generate_series(1, 100) AS n"

MODES: dict[str, tuple[str, dict[str, Any]]] = {
    "append straight": ("", {"mode": "append"}),
    "append staged": (BEFORE, {"mode": "append"}),
    "replace": (BEFORE, {"mode": "replace"}),
    "interval": (
        BEFORE,
        {
            "mode": "interval",
            "interval_column": "at",
            "interval_start": "2013-02-02",
            "interval_end": "2013-02-03",
        },
    ),
    "merge": (BEFORE, {"mode": "merge", "order_by": "name"}),
}

COUNTS = "id, read, loaded, inserted, updated, unchanged, deleted, duplicates, rejected, rejects"
REJECT = 'file, line, raw, reason, "column", message, replayed_by'
STATE = (
    "SELECT * FROM t ORDER BY id",
    f"SELECT {COUNTS} FROM penstock_ledger.copies",
    f"SELECT {REJECT} FROM penstock_ledger.rejects ORDER BY file, line",
)


def dirty(path: Path) -> None:
    lines = ["id,name,at"]
    for n in range(1, ROWS + 1):
        day = "2013-02-30" if n % 97 == 0 else "2013-02-03" if n % 50 == 0 else "2013-02-02"
        lines.append(f"{n % (ROWS - 40)},new {n},{day}")
        if n % 31 == 0:
            lines.append(lines[-1])
    path.write_text("\n".join(lines) + "\n")


class Scene:
    """One table, one file, one plan; set up again for each kill."""

    def __init__(self, warehouse: Connection, file: Path, before: str, options: dict[str, Any]) -> None:
        self.uri = uri(warehouse)
        self.arguments = (str(file), "warehouse:t")
        self.options = options
        self._before = before
        self._session = psycopg.connect(self.uri, autocommit=True)

    def reset(self) -> None:
        self._session.execute("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS penstock_ledger CASCADE")
        self._session.execute("CREATE TABLE t (id int PRIMARY KEY, name text, at date)")
        if self._before:
            self._session.execute(self._before)

    def state(self) -> State:
        return [self._session.execute(text).fetchall() for text in STATE]

    def copy(self) -> penstock.CopyResult:
        return penstock.copy(*self.arguments, **self.options)

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def scene(
    warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Scene]]:
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", uri(warehouse))
    dirty(tmp_path / "in.csv")
    made: list[Scene] = []

    def make(mode: str) -> Scene:
        before, options = MODES[mode]
        made.append(Scene(warehouse, tmp_path / "in.csv", before, options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
def test_killed_at_every_step(scene: Callable[[str], Scene], mode: str) -> None:
    stage = scene(mode)
    stage.reset()
    clean = stage.copy()
    expected = stage.state()
    assert 0 not in (clean.rejected, clean.loaded, clean.duplicates)
    for step in range(100):
        stage.reset()
        process = start(stage.uri, step, stage.arguments, stage.options)
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        stage.copy()
        assert stage.state() == expected, f"step {step}"
    else:
        pytest.fail("the copy has no end")
    assert step >= 15, "the steps are no longer watched"


@pytest.mark.parametrize(
    "mode",
    [pytest.param(mode, marks=[] if mode == "append staged" else [pytest.mark.soak]) for mode in MODES],
)
def test_killed_at_random_instants(scene: Callable[[str], Scene], mode: str) -> None:
    stage = scene(mode)
    stage.reset()
    started = time.perf_counter()
    start(stage.uri, None, stage.arguments, stage.options).join()
    seconds = time.perf_counter() - started
    expected = stage.state()
    chance = random.Random(mode)
    deaths = 0
    for _ in range(12):
        stage.reset()
        process = start(stage.uri, None, stage.arguments, stage.options)
        deaths += kill_at(process, chance.uniform(0, seconds))
        stage.copy()
        assert stage.state() == expected
    assert deaths, "no copy was killed"
