"""A copy from table to table survives the death of a participant: the client, a server process, a whole server."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.databases import uri
from tests.forks import FORKS

import penstock
from penstock.model.errors import PenstockError
from penstock.postgres.relay import source_table
from penstock.project import Project
from penstock.stack import ensure, status

SERVERS = ("source", "warehouse")
ROWS = 60_000
NAMES = {name: f"PENSTOCK_CONN_{name.upper()}" for name in SERVERS}


def _copy(names: dict[str, str], options: dict[str, Any]) -> None:
    os.environ.update(names)
    source_table.PART_PAGES = 64  # cut into ranges as if it were large
    penstock.copy("source:t", "warehouse:t", **options)
    os._exit(0)


class Scene:
    """Two servers of the test's own, with a table to be copied."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def names(self) -> dict[str, str]:
        """How to enter both; starts what does not run."""
        return {variable: uri(ensure(self.project, name)) for name, variable in NAMES.items()}

    def ask(self, server: str, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.names()[NAMES[server]], autocommit=True) as session:
            cursor = session.execute(query)
            return cursor.fetchall() if cursor.description else []

    def alive(self) -> None:
        """Both servers answer again."""
        deadline = time.monotonic() + 30
        while True:
            try:
                for server in SERVERS:
                    self.ask(server, "SELECT 1")
                return
            except (psycopg.OperationalError, PenstockError):
                assert time.monotonic() < deadline
                time.sleep(0.2)

    def backend(self, server: str) -> int | None:
        """The process that carries the copy there."""
        found = self.ask(
            server,
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'penstock' AND query ILIKE 'copy%' LIMIT 1",
        )
        return int(found[0][0]) if found else None


@pytest.fixture
def scene(project: Project, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(project)
    for variable, value in made.names().items():
        monkeypatch.setenv(variable, value)
    made.ask("source", "CREATE TABLE t (id int PRIMARY KEY, v text, at timestamptz NOT NULL)")
    made.ask(
        "source", f"INSERT INTO t SELECT n, repeat('x', 300), now() FROM generate_series(1, {ROWS}) AS n"
    )
    return made


def _kill_client(scene: Scene, client: int) -> None:
    os.kill(client, signal.SIGKILL)


def _kill_backend(server: str) -> Callable[[Scene, int], None]:
    def kill(scene: Scene, client: int) -> None:
        pid = scene.backend(server)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    return kill


def _kill_server(server: str) -> Callable[[Scene, int], None]:
    def kill(scene: Scene, client: int) -> None:
        pid = status(scene.project, server).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    return kill


DEATHS = {
    "client": _kill_client,
    "a process of the source": _kill_backend("source"),
    "a process of the target": _kill_backend("warehouse"),
    "the source": _kill_server("source"),
    "the target": _kill_server("warehouse"),
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="append"),
        pytest.param({"mode": "mirror"}, id="mirror", marks=pytest.mark.soak),
        pytest.param({"cursor": "at"}, id="cursor", marks=pytest.mark.soak),
    ],
)
def test_deaths(scene: Scene, options: dict[str, Any]) -> None:
    content = "SELECT count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM t"
    expected = scene.ask("source", content)
    for death, (who, kill) in enumerate(DEATHS.items()):
        scene.ask("warehouse", "DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS penstock_ledger CASCADE")
        before: list[tuple[Any, ...]] = []
        if options and death % 2:
            scene.ask("warehouse", "CREATE TABLE t (id int PRIMARY KEY, v text, at timestamptz NOT NULL)")
            scene.ask(
                "warehouse", "INSERT INTO t SELECT n, 'old', '2001-01-01' FROM generate_series(1, 100) AS n"
            )
            before = scene.ask("warehouse", content)
        process = FORKS.Process(target=_copy, args=(scene.names(), options))
        process.start()
        assert process.pid is not None
        deadline = time.monotonic() + 20
        while scene.backend("source") is None and process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        kill(scene, process.pid)
        process.join(60)
        assert not process.is_alive()
        scene.alive()
        for variable, value in scene.names().items():
            os.environ[variable] = value
        there = scene.ask("warehouse", "SELECT to_regclass('t') IS NOT NULL")[0][0]
        now = scene.ask("warehouse", content) if there else []
        assert now in (before, expected), f"{who}: neither before nor after"
        penstock.copy("source:t", "warehouse:t", **options)
        assert scene.ask("warehouse", content) == expected, who
        left = scene.ask("warehouse", "SELECT relname FROM pg_class WHERE relname LIKE 'penstock_incoming%'")
        assert left == [], who
