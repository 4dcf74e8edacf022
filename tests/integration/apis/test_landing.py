"""Answers land whole, once, and are loaded from the lake without the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from tests.databases import Query
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import Say, Service, weather

import penstock
from penstock.rest.lake import http_cache


class Later(datetime):
    """The clock of two hours from now."""

    @classmethod
    def now(cls, tz: tzinfo | None = UTC) -> datetime:  # type: ignore[override]  # it has a default here
        return datetime.now(tz) + timedelta(hours=2)


def test_answers_land_and_are_loaded_without_the_service(
    service: Service, lake: Path, plan: Plan, query: Query
) -> None:
    landed = penstock.land(plan(), "lake:weather", rows=cities(30))
    assert (landed.requests, landed.answered, landed.answers, landed.calls) == (30, 30, 30, 30)
    assert len(service.asked) == 30
    service.stop()
    result = penstock.copy("lake:weather", "warehouse:raw.weather", key="id")
    assert (result.read, result.loaded) == (30, 30)
    assert query("SELECT id, name, temperature, sky FROM raw.weather WHERE id = 7") == [
        (7, "city 7", query("SELECT 280.07::numeric")[0][0], "Rain")
    ]
    repeated = penstock.copy("lake:weather", "warehouse:raw.weather", key="id")
    assert repeated.already
    assert query("SELECT count(*) FROM raw.weather") == [(30,)]


def test_each_batch_is_loaded_once(service: Service, lake: Path, plan: Plan, query: Query) -> None:
    penstock.land(plan(), "lake:weather", rows=cities(10), label="10:00")
    assert penstock.copy("lake:weather", "warehouse:raw.weather").loaded == 10
    penstock.land(plan(), "lake:weather", rows=cities(10), label="11:00")
    second = penstock.copy("lake:weather", "warehouse:raw.weather")
    assert (second.read, second.loaded, second.already) == (10, 10, False)
    third = penstock.copy("lake:weather", "warehouse:raw.weather")
    assert (third.read, third.already) == (0, True)
    assert query("SELECT count(*) FROM raw.weather") == [(20,)]
    repeated = penstock.copy("lake:weather", "warehouse:raw.weather", mode="replace")
    assert repeated.loaded == 20
    assert penstock.copy("lake:weather", "warehouse:raw.weather").already
    assert penstock.copy("lake:weather", "warehouse:raw.weather", again=True).loaded == 20
    query("TRUNCATE raw.weather")
    assert penstock.copy("lake:weather", "warehouse:raw.weather").loaded == 20


def test_a_finished_landing_asks_for_rows_that_were_added(
    service: Service, lake: Path, plan: Plan, query: Query
) -> None:
    penstock.land(plan(), "lake:weather", rows=cities(10), label="10:00")
    penstock.copy("lake:weather", "warehouse:raw.weather", key="id")
    more = penstock.land(plan(), "lake:weather", rows=cities(13), label="10:00")
    assert (more.requests, more.answered, more.landed_before, more.calls) == (13, 13, 10, 3)
    assert sorted(int(asked.query["id"]) for asked in service.asked) == list(range(13))
    assert penstock.copy("lake:weather", "warehouse:raw.weather", key="id").loaded == 3
    service.stop()
    same = penstock.land(plan(), "lake:weather", rows=cities(13), label="10:00")
    assert (same.already, same.requests, same.answers) == (True, 13, 13)
    fewer = penstock.land(plan(), "lake:weather", rows=cities(4), label="10:00")
    assert (fewer.already, fewer.requests) == (True, 13)


def test_a_finished_landing_that_cannot_be_gone_on_with_stays_finished(
    service: Service, lake: Path, plan: Plan
) -> None:
    penstock.land(plan(), "lake:weather", rows=cities(3), label="10:00")
    service.behave = lambda asked: Say(status=404)
    with pytest.raises(penstock.PenstockError, match="1 of 4 requests has no answer"):
        penstock.land(plan(), "lake:weather", rows=cities(4), label="10:00")
    service.behave = weather
    whole = penstock.land(plan(), "lake:weather", rows=cities(4), label="10:00")
    assert (whole.answers, whole.calls) == (4, 1)


def test_what_was_still_good_is_not_asked_for_by_a_finished_landing(
    service: Service, lake: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.behave = lambda asked: Say(weather(asked).body, headers={"Cache-Control": "max-age=3600"})
    penstock.land(plan(), "lake:weather", rows=cities(3), label="10:00")
    later = penstock.land(plan(), "lake:weather", rows=cities(4), label="11:00")
    assert (later.fresh, later.calls) == (3, 1)
    monkeypatch.setattr(
        http_cache, "datetime", Later
    )  # it is good no more, but that landing has been finished
    assert penstock.land(plan(), "lake:weather", rows=cities(4), label="11:00").already
    assert len(service.asked) == 4
