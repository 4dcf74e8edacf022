"""Answers land whole, once, and are loaded from the lake without the service."""

from __future__ import annotations

from pathlib import Path

from tests.integration.apis.conftest import Plan, Query, cities
from tests.integration.apis.service import Service

import penstock


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
    again = penstock.copy("lake:weather", "warehouse:raw.weather", key="id")
    assert again.already
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
    anew = penstock.copy("lake:weather", "warehouse:raw.weather", mode="replace")
    assert anew.loaded == 20
    assert penstock.copy("lake:weather", "warehouse:raw.weather").already
    assert penstock.copy("lake:weather", "warehouse:raw.weather", again=True).loaded == 20
