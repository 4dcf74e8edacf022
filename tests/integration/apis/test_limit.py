"""One limit for all who share a credential, kept in Postgres or in a file of the machine."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql
from tests.databases import Query, enter
from tests.forks import FORKS
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import Asked, Say, Service, weather

import penstock
from penstock.model.api import Limit
from penstock.model.connection import Connection
from penstock.ports import Permits, Return
from penstock.rest.ratelimit.postgres import PostgresPermits
from penstock.rest.ratelimit.sqlite import FilePermits

Open = Callable[..., Permits]
EACH = 30


@pytest.fixture(params=["file", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, warehouse: Connection) -> Iterator[Open]:
    """Opens the same limit once more, as another process does."""
    all_: list[Permits] = []

    def make(limit: Limit, lease_s: float = 60.0) -> Permits:
        permits: Permits = (
            FilePermits(tmp_path / "permits.sqlite", "api", limit, lease_s)
            if request.param == "file"
            else PostgresPermits(warehouse, "api", limit, lease_s)
        )
        all_.append(permits)
        return permits

    yield make
    for permits in all_:
        permits.close()


@pytest.fixture
def later(request: pytest.FixtureRequest, tmp_path: Path, warehouse: Connection) -> Callable[[float], None]:
    """Makes it so many seconds later: whatever is written with a time is moved into the past."""

    def in_the_file(seconds: float) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "permits.sqlite", isolation_level=None)) as file:
            file.execute("UPDATE permits SET free_at = free_at - ?", [seconds])
            file.execute("UPDATE pauses SET until = until - ?", [seconds])

    def in_postgres(seconds: float) -> None:
        with enter(warehouse) as session:
            for table, column in (("permits", "free_at"), ("pauses", "until")):
                session.execute(
                    sql.SQL("UPDATE penstock_ledger.{0} SET {1} = {1} - make_interval(secs => %s)").format(
                        sql.Identifier(table), sql.Identifier(column)
                    ),
                    [seconds],
                )

    return in_the_file if request.node.callspec.params["opened"] == "file" else in_postgres


def test_no_more_than_the_limit_for_all_together(opened: Open) -> None:
    one, other = opened(Limit(calls=5, per_s=60)), opened(Limit(calls=5, per_s=60))
    assert len(one.take(3, []).slots) == 3
    granted = other.take(10, [])
    assert len(granted.slots) == 2
    assert one.take(1, []).slots == []
    assert 55 < granted.wait_s <= 60


def test_a_used_permit_is_free_when_its_call_no_longer_counts(
    opened: Open, later: Callable[[float], None]
) -> None:
    permits = opened(Limit(calls=1, per_s=60))
    (slot,) = permits.take(1, []).slots
    assert permits.take(1, [Return(slot, time.monotonic())]).slots == []
    later(30)
    assert permits.take(1, []).slots == []
    later(30.1)
    assert permits.take(1, []).slots == [slot]


def test_an_unused_permit_is_free_at_once(opened: Open) -> None:
    one, other = opened(Limit(calls=1, per_s=60)), opened(Limit(calls=1, per_s=60))
    (slot,) = one.take(1, []).slots
    one.take(0, [Return(slot, None)])
    assert other.take(1, []).slots == [slot]


def test_the_permits_of_a_dead_holder_come_free_and_no_others_are_lost(
    opened: Open, later: Callable[[float], None]
) -> None:
    dead, alive = opened(Limit(calls=3, per_s=60), lease_s=60), opened(Limit(calls=3, per_s=60), lease_s=600)
    lost = set(dead.take(2, []).slots)
    assert len(alive.take(3, []).slots) == 1
    later(60.1)
    assert set(alive.take(3, []).slots) == lost
    # What the dead one would say now comes too late to count.
    dead.take(0, [Return(slot, None) for slot in lost])
    assert alive.take(1, []).slots == []


def test_a_pause_is_everybody_s(opened: Open, later: Callable[[float], None]) -> None:
    one, other = opened(Limit(calls=5, per_s=60)), opened(Limit(calls=5, per_s=60))
    one.pause(60)
    granted = other.take(1, [])
    assert granted.slots == []
    assert 30 < granted.wait_s <= 60
    later(60.1)
    assert len(other.take(1, []).slots) == 1


@pytest.mark.parametrize("paused", [False, True])
def test_a_clock_that_was_set_back_by_a_day_does_not_block_the_limit(
    opened: Open, later: Callable[[float], None], *, paused: bool
) -> None:
    before = opened(Limit(calls=1, per_s=60))
    if paused:
        before.pause(60)
    else:
        before.take(1, [])
    later(-86_400)
    after = opened(Limit(calls=1, per_s=60))
    granted = after.take(1, [])
    assert len(granted.slots) == paused
    assert granted.wait_s <= 60
    later(60.1)
    assert len(after.take(1, []).slots) == 1


def _land(number: int, plan: dict[str, object], environment: dict[str, str]) -> None:
    # The server that forks was started by an earlier test, whose connections must not stay.
    for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
        del os.environ[name]
    os.environ.update(environment)
    penstock.land(plan, f"lake:share{number}", rows=[{"id": one} for one in range(EACH)])


@pytest.mark.parametrize("where", ["file", "postgres"])
def test_two_processes_together_keep_the_limit(
    service: Service, lake: Path, plan: Plan, request: pytest.FixtureRequest, where: str
) -> None:
    if where == "postgres":
        request.getfixturevalue("query")
    calls, per_s = 20, 0.6
    shared = plan(
        limit={"calls": calls, "per_s": per_s, "shared": "warehouse" if where == "postgres" else None}
    )
    service.behave = lambda asked: Say(weather(asked).body, after_s=0.01)
    environment = {name: value for name, value in os.environ.items() if name.startswith("PENSTOCK_")}
    processes = [FORKS.Process(target=_land, args=(number, shared, environment)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    times = sorted(asked.at for asked in service.asked)
    assert len(times) == 2 * EACH
    for first, beyond in zip(times, times[calls:], strict=False):
        assert beyond - first >= per_s, "21 calls within the window"


def test_the_key_is_in_no_row_of_the_limit(service: Service, lake: Path, plan: Plan, query: Query) -> None:
    from tests.integration.apis.service import KEY

    penstock.land(plan(limit={"calls": 5, "per_s": 0.1, "shared": "warehouse"}), "lake:w", rows=cities(7))
    rows = query("SELECT p::text FROM penstock_ledger.permits AS p")
    assert len(rows) == 5
    assert not any(KEY in text for (text,) in rows)


def test_the_limit_is_one_for_one_credential(service: Service, lake: Path, plan: Plan, query: Query) -> None:
    limited = plan(limit={"calls": 5, "per_s": 0.1, "shared": "warehouse"})
    penstock.land(limited, "lake:a", rows=cities(2))
    penstock.land({**limited, "source": "api:/other"}, "lake:b", rows=cities(2))
    assert query("SELECT count(DISTINCT api) FROM penstock_ledger.permits") == [(1,)]
    os.environ["PENSTOCK_CONN_API"] = os.environ["PENSTOCK_CONN_API"].replace("sekrit", "second")
    penstock.land(limited, "lake:c", rows=cities(2))
    assert query("SELECT count(DISTINCT api) FROM penstock_ledger.permits") == [(2,)]


def test_a_pause_that_the_service_asks_for(service: Service, lake: Path, plan: Plan) -> None:
    def throttle(asked: Asked) -> Say:
        return Say(status=429, headers={"Retry-After": "1"}) if asked.number == 3 else weather(asked)

    service.behave = throttle
    result = penstock.land(plan(limit="1000/second", concurrency=1), "lake:w", rows=cities(8))
    assert (result.answered, result.calls) == (8, 9)
    gaps = [later.at - asked.at for asked, later in zip(service.asked, service.asked[1:], strict=False)]
    assert gaps[3] >= 1.0
