"""The daily dashboard refresh: what it decides, and the day's rows from table to objects to table."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.commands import forked
from tests.databases import uri
from tests.integration.gallery.conftest import RunDag, Session

from penstock.model.connection import Connection
from penstock.objects.s3 import S3Store
from penstock.project import Project
from penstock.stack import services
from penstock_sandbox.operations import COLUMNS

DAG = "advanced_daily_dashboard_refresh"
BUCKET = "replication-bucket"

pytestmark = pytest.mark.timeout(400)  # Airflow starts for each run


@pytest.fixture(autouse=True)
def connections(
    gallery: Path, warehouse: Connection, objects: Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    assert objects.password is not None
    fields = {"conn_type": "aws", "login": objects.login, "password": objects.password.reveal()}
    monkeypatch.setenv("PENSTOCK_CONN_S3_CONN", json.dumps({**fields, "extra": dict(objects.extra)}))
    for name in ("POSTGRES_MARKET_CONN", "SNOWFLAKE_CONN"):
        monkeypatch.setenv(f"PENSTOCK_CONN_{name}", uri(warehouse))
    yield
    services.stop(Project(gallery), "sandbox")


def states(ends: list[dict[str, Any]], task: str) -> list[str]:
    return [end["state"] for end in ends if end["task"] == task]


def require_same_rows(session: Session, day: str) -> None:
    """What the dashboard's tables hold of the day is what the source's do."""
    for table, (column, *_) in COLUMNS.items():
        found = [
            session.execute(
                f"SELECT array_agg(t::text ORDER BY t::text) FROM {schema}.{table} AS t WHERE {column} = '{day}'"
            ).fetchone()
            for schema in ("daily_operations", "dashboard_operations")
        ]
        assert found[0] == found[1], (table, day)
        assert found[0] != (None,), (table, day)


def test_each_kind_of_day(run_dag: RunDag, session: Session, objects: Connection) -> None:
    ends = run_dag(DAG, "--from", "2013-02-17", "--to", "2013-02-19")  # a Sunday, a holiday, a Tuesday

    assert states(ends, "market_closed_notification") == ["success", "success", "skipped"]
    assert states(ends, "process_market_data.load_market_data") == ["skipped", "skipped", "success"]
    assert states(ends, "archive_s3_files") == ["success"] * 3
    assert states(ends, "refresh_failed_notification") == ["skipped"] * 3
    for day in ("2013-02-17", "2013-02-18", "2013-02-19"):
        require_same_rows(session, day)
    prices = session.execute(
        "SELECT market_date::text, count(*) FROM market.transformed_market_data GROUP BY 1"
    )
    assert prices.fetchall() == [("2013-02-19", 5)]
    store = S3Store(objects, BUCKET)
    assert [one.key for one in store.list("2013-02-17/")] == []
    archived = [one.key.split("/")[2] for one in store.list("archive/2013-02-17/") if "_manifest" in one.key]
    assert archived == sorted(COLUMNS)


@pytest.mark.soak
def test_a_group_that_fails_stops_no_other_and_the_next_run_mends_it(
    gallery: Path, run_dag: RunDag, session: Session, objects: Connection
) -> None:
    day = "2013-02-09"  # a Saturday
    session.execute("CREATE SCHEMA dashboard_operations; CREATE TABLE dashboard_operations.labor (other int)")

    code, ends = run_failing(gallery, day)

    assert code == 1
    assert states(ends, "labor.s3_to_snowflake") == ["failed"]
    assert states(ends, "item_sales.s3_to_snowflake") == ["success"]
    assert states(ends, "archive_s3_files") == ["upstream_failed"]
    assert states(ends, "refresh_failed_notification") == ["failed"]  # once it is sent: see then_fail
    store = S3Store(objects, BUCKET)
    assert [one.key for one in store.list(f"{day}/")] != []

    session.execute("DROP TABLE dashboard_operations.labor")
    ends = run_dag(DAG, "--date", day)

    assert states(ends, "archive_s3_files") == ["success"]
    require_same_rows(session, day)
    assert [one.key for one in store.list(f"{day}/")] == []


def run_failing(gallery: Path, day: str) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        [forked(), "run", DAG, "--date", day, "--json"],
        cwd=gallery,
        env={**os.environ, "PENSTOCK_PROJECT": str(gallery)},
        capture_output=True,
        text=True,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, [event for event in events if event["event"] == "end"]
