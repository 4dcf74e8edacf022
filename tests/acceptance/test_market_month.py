"""The whole demo month of prices, caught up with on a running stack by either market DAG."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import make_gallery
from tests.acceptance.stacks import ENDED, Airflow, penstock, until
from tests.conftest import RUN_DIR
from tests.databases import enter
from tests.integration.outside.prices import expected_of

from penstock.project import Project
from penstock.stack import ensure

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

TABLE = "SELECT * FROM market.transformed_market_data ORDER BY market_date, ticker"
WEEKDAYS = 20  # of which the 18th is a holiday
SATURDAY = "2013-02-16"


@pytest.fixture
def gallery() -> Iterator[Airflow]:
    """A stack of this test's own: others use the shared one's market tables, which are dropped here."""
    project = Project(Path(os.environ[RUN_DIR]) / "market-month")
    make_gallery(project)
    started = penstock(project, "start")
    assert started.returncode == 0, started.stdout + started.stderr
    yield Airflow(project)
    penstock(project, "stop")


def query(gallery: Airflow, text: str) -> list[tuple[Any, ...]]:
    with enter(ensure(gallery.project, "warehouse")) as session:
        cursor = session.execute(text)
        return cursor.fetchall() if cursor.description else []


def caught_up(gallery: Airflow, dag: str) -> list[tuple[Any, ...]]:
    """The table that the DAG leaves, once no day of the month is missing; begun without a table, without a lake."""
    query(gallery, "DROP SCHEMA IF EXISTS market CASCADE")
    pruned = penstock(gallery.project, "lake", "prune", "lake:market", "--keep-days", "0")
    assert pruned.returncode == 0, pruned.stderr
    gallery.unpause(dag)
    scheduled = {"run_type": "scheduled", "limit": "100"}
    until(lambda: len(ended(gallery.runs(dag, **scheduled))) >= WEEKDAYS, 1500)
    runs = gallery.runs(dag, **scheduled)
    assert [run["state"] for run in runs] == ["success"] * WEEKDAYS
    days = [run["data_interval_start"][:10] for run in runs]
    assert (days[0], days[-1], len(set(days))) == ("2013-02-01", "2013-02-28", WEEKDAYS)
    assert all(tries == 1 for run in runs for tries in attempts(gallery, run))
    return query(gallery, TABLE)


def ended(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [run for run in runs if run["state"] in ENDED]


def attempts(gallery: Airflow, run: dict[str, Any]) -> list[int]:
    place = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances"
    return [int(one["try_number"]) for one in gallery.ask(place)["task_instances"]]


def test_both_dags_catch_up_with_the_month_and_leave_one_table(gallery: Airflow) -> None:
    month = expected_of(lambda day: day.startswith("2013-02"))
    assert len(month) == 5 * (WEEKDAYS - 1)
    assert caught_up(gallery, "market_etl") == month
    assert caught_up(gallery, "market_etl_classic") == month
    for dag in ("market_etl", "market_etl_classic"):
        assert gallery.trigger(dag, day=SATURDAY)["state"] == "success"
    assert query(gallery, TABLE) == month
