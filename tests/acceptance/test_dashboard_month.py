"""The dashboard's whole month by catchup on a running stack, checked day by day against the source's tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import quote

import psycopg
import pytest
from tests.acceptance.stacks import ENDED, Airflow, until

from penstock.model.manifest import NAME, Manifest
from penstock.objects.s3 import S3Store
from penstock.stack import ensure, services
from penstock_sandbox.operations import COLUMNS

DAG = "advanced_daily_dashboard_refresh"
DAYS = [date(2013, 2, 1) + timedelta(days=n) for n in range(28)]
HOLIDAY = date(2013, 2, 18)
MONTH_S = 3000

pytestmark = [pytest.mark.soak, pytest.mark.timeout(MONTH_S + 300)]


@pytest.fixture
def session(gallery: Airflow) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A look into the stack's warehouse."""
    found = ensure(gallery.project, "warehouse")
    assert found.password is not None
    password = quote(found.password.reveal(), safe="")
    place = f"{found.host}:{found.port}/{found.database}"
    with psycopg.connect(f"postgres://{found.login}:{password}@{place}?sslmode=disable") as opened:
        yield opened


def test_the_month_by_catchup(gallery: Airflow, session: psycopg.Connection[tuple[object, ...]]) -> None:
    gallery.unpause(DAG)

    def ended() -> bool:
        runs = gallery.runs(DAG, run_type="scheduled")
        return len(runs) == len(DAYS) and all(run["state"] in ENDED for run in runs)

    until(ended, MONTH_S)

    runs = gallery.runs(DAG, run_type="scheduled")
    assert [run["logical_date"][:10] for run in runs] == [day.isoformat() for day in DAYS]
    assert {run["logical_date"][:10]: run["state"] for run in runs if run["state"] != "success"} == {}
    for run, day in zip(runs, DAYS, strict=True):
        require_branch(gallery, run["dag_run_id"], is_open=day.weekday() < 5 and day != HOLIDAY)
    require_prices(session)
    store = S3Store(services.ensure(gallery.project, "objects"), "replication-bucket")
    for day in DAYS:
        for table, (column, *_) in COLUMNS.items():
            require_day(session, store, table, column, day)
    for table, (column, *_) in COLUMNS.items():  # and nothing but these days
        outside = session.execute(
            f"SELECT count(*) FROM dashboard_operations.{table}"
            f" WHERE {column} NOT BETWEEN '2013-02-01' AND '2013-02-28' OR {column} IS NULL"
        )
        assert (table, outside.fetchone()) == (table, (0,))
    assert [one.key for one in store.list("2013-02-")] == []


def require_branch(gallery: Airflow, run: str, *, is_open: bool) -> None:
    """Prices on days with a session, a remark on the others, and no alert."""
    found = gallery.ask(f"dags/{DAG}/dagRuns/{run}/taskInstances?limit=100")["task_instances"]
    states = {one["task_id"]: one["state"] for one in found}
    expected = ("success", "skipped") if is_open else ("skipped", "success")
    branch = (states["process_market_data.load_market_data"], states["market_closed_notification"])
    assert (run, branch) == (run, expected)
    assert states["refresh_failed_notification"] == "skipped"


def require_prices(session: psycopg.Connection[tuple[object, ...]]) -> None:
    """Five of each day with a session, and of no other."""
    found = session.execute(
        "SELECT market_date, count(*) FROM market.transformed_market_data"
        " WHERE market_date BETWEEN '2013-02-01' AND '2013-02-28' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert found == [(day, 5) for day in DAYS if day.weekday() < 5 and day != HOLIDAY]


def require_day(
    session: psycopg.Connection[tuple[object, ...]], store: S3Store, table: str, column: str, day: date
) -> None:
    """The dashboard holds the day's rows of the source's table, and the archive an export of as many."""
    there, here = (
        session.execute(
            f"SELECT count(*), md5(string_agg(t::text, '\n' ORDER BY t::text)) FROM {schema}.{table} AS t"
            f" WHERE {column} = %s",
            [day],
        ).fetchone()
        for schema in ("daily_operations", "dashboard_operations")
    )
    assert (table, day, there) == (table, day, here)
    assert there is not None
    assert there[0] != 0, (table, day)
    key = f"archive/{day}/{table}/{NAME}"
    assert Manifest.from_json(store.get(key), key).rows == there[0]
