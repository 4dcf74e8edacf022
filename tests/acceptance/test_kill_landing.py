"""A landing and its load, killed again and again: no answer is lost, none that landed is asked for again, and the table
ends as one clean run leaves it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from tests.acceptance.killing import Steps
from tests.databases import uri
from tests.forks import FORKS
from tests.integration.apis.service import KEY, Asked, Say, Service, serving, weather

import penstock
from penstock.cli.main import WithoutPandas
from penstock.model.connection import Connection
from penstock.objects.directory import DirectoryStore
from penstock.postgres.connect import connect
from penstock.rest.lake import batches
from penstock.rest.lake.source import landed

KILLS, SOAK_KILLS = 6, 50
REQUESTS = 24
BATCH = 12
AT_ONCE = 4
PLAN = penstock.ApiPlan.parse(
    {
        "source": "api:/weather",
        "auth": {"query": "appid"},
        "columns": {"id": "id", "name": "name", "temperature": "main.temp", "asked": "$request.id"},
        "batch": BATCH,
        "concurrency": AT_ONCE,
    }
)
ROWS = [{"id": number} for number in range(REQUESTS)]


def _land(
    plan: penstock.ApiPlan, environment: dict[str, str], fatal: int | None, target: str, table: str
) -> None:
    sys.meta_path.insert(0, WithoutPandas())
    os.fsync = _trust_the_system  # nothing of a test outlives a power cut
    os.environ |= environment
    steps = Steps(fatal)
    if fatal is not None:
        # Everything that the lake sees; what the warehouse sees is test_kill's affair.
        steps.watch(DirectoryStore, "put")
        steps.watch(DirectoryStore, "delete")
    penstock.land(plan, target, rows=ROWS, label="the run")
    penstock.copy(target, table)
    os._exit(0)


def _trust_the_system(fd: object) -> None:
    """What was written reached the system, which outlives a killed process."""


class World:
    """The service, the lake, the warehouse, and a process that lands and loads."""

    def __init__(self, service: Service, root: Path, warehouse: Connection) -> None:
        self.service = service
        self.warehouse = warehouse
        self.store = DirectoryStore(root / ".penstock" / "lake")
        self.environment = {
            "PENSTOCK_PROJECT": str(root),
            "PENSTOCK_CONN_API": f"http://:{KEY}@127.0.0.1:{service.port}",
            "PENSTOCK_CONN_WAREHOUSE": uri(warehouse),
        }

    def start(self, target: str, *, fatal: int | None = None) -> BaseProcess:
        table = f"warehouse:{target.removeprefix('lake:')}"
        process = FORKS.Process(target=_land, args=(PLAN, self.environment, fatal, target, table))
        process.start()
        return process

    def finish(self, target: str) -> None:
        process = self.start(target)
        process.join(60)
        assert process.exitcode == 0

    def in_lake(self, target: str) -> list[str]:
        """The numbers of the requests whose answers have landed, in a list: one that landed twice occurs twice."""
        path = target.removeprefix("lake:")
        if not list(self.store.list(f"{path}/")):
            return []
        try:
            keys = landed(self.store, path)
        except penstock.PenstockError:
            return []
        found = []
        for key in keys:
            with self.store.open(key) as stream:
                for rows in batches.read(stream, key, ["url"]):
                    found += [url.rpartition("id=")[2] for url in rows.column("url").to_pylist()]
        return found

    def require_nothing_lost(self, target: str) -> set[str]:
        """The landed requests; of the answered ones, at most one batch and those in progress may be missing."""
        answers = self.in_lake(target)
        assert len(answers) == len(set(answers)), "an answer landed twice"
        return set(answers)

    def rows(self, target: str) -> list[dict[str, Any]]:
        with connect(self.warehouse) as session:
            table = sql.Identifier(target.removeprefix("lake:"))
            return session.execute(sql.SQL("SELECT * FROM {} ORDER BY id").format(table)).fetchall()


@pytest.fixture
def world(tmp_path: Path, warehouse: Connection) -> Iterator[World]:
    (tmp_path / "penstock.toml").write_text('[project]\nname = "tests"\n')
    with serving() as service:
        service.behave = slowly
        yield World(service, tmp_path, warehouse)


def slowly(asked: Asked) -> Say:
    return Say(weather(asked).body, after_s=0.004)


def asked_since(service: Service, count: int) -> set[str]:
    return {asked.query["id"] for asked in service.asked[count:]}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("least", [KILLS, SOAK_KILLS], ids=["a few", "many"])
@pytest.mark.soak
def test_killed_at_any_instant(world: World, least: int) -> None:
    world.finish("lake:clean")
    began = time.monotonic()
    world.finish("lake:measured")
    whole_s = time.monotonic() - began
    clean = world.rows("lake:clean")
    assert len(clean) == REQUESTS
    chance = random.Random(6)
    kills = number = 0
    while kills < least:
        target = f"lake:round{number}"
        number += 1
        while True:
            before = world.require_nothing_lost(target)
            count = len(world.service.asked)
            process = world.start(target)
            process.join(chance.uniform(0.02, whole_s * 0.9))
            if process.exitcode is None:
                process.kill()
                process.join()
            world.service.settle()
            again = asked_since(world.service, count)
            assert not again & before, "what had landed was asked for again"
            lost = again - world.require_nothing_lost(target)
            assert len(lost) <= BATCH + AT_ONCE
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
            kills += 1
        assert world.rows(target) == clean


@pytest.mark.timeout(300)
def test_killed_after_each_step(world: World) -> None:
    world.finish("lake:clean")
    clean = world.rows("lake:clean")
    fatal, survived = 0, False
    while not survived:
        target = f"lake:step{fatal}"
        process = world.start(target, fatal=fatal)
        process.join(60)
        survived = process.exitcode == 0
        assert survived or process.exitcode == -signal.SIGKILL
        before, count = world.require_nothing_lost(target), len(world.service.asked)
        world.finish(target)
        assert not asked_since(world.service, count) & before
        assert world.rows(target) == clean
        fatal += 1
    assert fatal > REQUESTS / BATCH
