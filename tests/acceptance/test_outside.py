"""The DAGs that ask the outside world, on a real stack."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from tests.acceptance.stacks import Airflow, until

from penstock.stack import ensure

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

KEYS = ("sandbox-prices-paid", "sandbox-weather-paid")


def query(gallery: Airflow, text: str) -> list[tuple[Any, ...]]:
    where = ensure(gallery.project, "warehouse")
    assert where.password is not None
    with psycopg.connect(
        host=where.host,
        port=where.port,
        user=where.login,
        password=where.password.reveal(),
        dbname=where.database,
    ) as session:
        return session.execute(text).fetchall()


def measured(gallery: Airflow) -> list[tuple[Any, ...]]:
    return query(gallery, "SELECT count(DISTINCT city_id) FROM weather.readings")


def assert_no_key(gallery: Airflow, run: dict[str, Any]) -> None:
    """In nothing that Airflow shows of the run, and in no log of the stack."""
    place = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}"
    instances = gallery.ask(f"{place}/taskInstances")["task_instances"]
    assert any(instance["rendered_fields"] for instance in instances)
    shown = json.dumps([run, instances])
    for instance in instances:
        entries = gallery.ask(f"{place}/taskInstances/{instance['task_id']}/xcomEntries")
        shown += json.dumps(entries)
    logs = [path for path in (gallery.project.state_dir / "logs").rglob("*") if path.is_file()]
    assert any(run["dag_id"] in str(path) for path in logs)
    for key in KEYS:
        assert key not in shown
        assert [path for path in logs if key.encode() in path.read_bytes()] == []


def test_what_is_fetched_is_transformed_by_no_clock(gallery: Airflow) -> None:
    gallery.unpause("transformer")
    run = gallery.trigger("fetcher")
    assert run["state"] == "success"
    # Unpaused, the fetcher also runs for the hour that ended last.
    made = gallery.ended_runs("transformer", 1)
    assert {one["run_type"] for one in made} == {"asset_triggered"}
    until(lambda: measured(gallery) == [(5,)])
    assert query(gallery, "SELECT count(*) FROM weather.cities WHERE is_fetched") == [(5,)]
    assert_no_key(gallery, run)


def test_the_month_is_caught_up_with_from_its_first_market_day_on(gallery: Airflow) -> None:
    gallery.unpause("market_etl")
    until(lambda: len([one for one in gallery.runs("market_etl") if one["state"] == "success"]) >= 2, 120)
    gallery.ask("dags/market_etl", {"is_paused": True}, "PATCH")
    runs = gallery.runs("market_etl")
    intervals = [(one["data_interval_start"], one["data_interval_end"]) for one in runs[:2]]
    assert intervals == [
        ("2013-02-01T09:00:00Z", "2013-02-04T09:00:00Z"),  # Friday, and the weekend behind it
        ("2013-02-04T09:00:00Z", "2013-02-05T09:00:00Z"),
    ]
    days = query(
        gallery,
        "SELECT market_date::text, count(*) FROM market.transformed_market_data"
        " WHERE market_date < '2013-02-05' GROUP BY 1 ORDER BY 1",
    )
    assert days == [("2013-02-01", 5), ("2013-02-04", 5)]
    assert_no_key(gallery, runs[0])
