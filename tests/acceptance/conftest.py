"""One stack of the gallery for all tests that only use it, whatever the number of workers."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from tests.acceptance.stacks import Airflow, penstock
from tests.conftest import PENSTOCK_TOML, RUN_DIR

from penstock.project import Project
from penstock_sandbox.sales import write_sales

SALES = 2_000

# It stays up for the whole run and idles most of it: its files do not change, and nobody waits for a quarter of a
# second.
QUIET = """
[stack.airflow]
DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL = 600
SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME = 1
"""

# Paused until a backfill unpauses it; one of its days fails as long as a file is there.
PAST = """
from datetime import UTC, datetime
from pathlib import Path
from airflow.sdk import DAG, task

with DAG("past", schedule="0 9 * * 1-5", start_date=datetime(2030, 1, 1, tzinfo=UTC), catchup=False):
    @task
    def check(ds):
        if ds == "2013-02-04" and Path(__file__).with_name("past.fails").exists():
            raise ValueError("no sales")

    @task
    def after(): ...

    check() >> after()
"""


# It has ended: Airflow makes runs of later dates, without a task in them.
ENDED = """
from datetime import UTC, datetime
from airflow.sdk import DAG, task

START, END = datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 2, 5, tzinfo=UTC)

with DAG("ended", schedule="@daily", start_date=START, end_date=END, catchup=False):
    @task
    def check(): ...

    check()
"""


@pytest.fixture(scope="session")
def gallery() -> Airflow:
    """The gallery as `penstock init` makes it, on a stack of its own that ends with the run.

    Nobody stops it, kills a part of it, or changes its files.
    """
    run_dir = Path(os.environ[RUN_DIR])
    project = Project(run_dir / "gallery")
    with (run_dir / "gallery.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not project.root.exists():
            make_gallery(project)
        started = penstock(project, "start")
        assert started.returncode == 0, started.stdout + started.stderr
    return Airflow(project)


def make_gallery(project: Project) -> None:
    """The gallery with small data, on ports of its own."""
    here = Project(project.root.parent)
    made = penstock(here, "init", str(project.root), "--template", "gallery")
    assert made.returncode == 0, made.stdout + made.stderr
    project.root.chmod(0o755)  # the account that runs Postgres for root must pass through
    toml = project.root / "penstock.toml"
    settings = toml.read_text().partition("[stack")[0]
    toml.write_text(settings + PENSTOCK_TOML.partition("\n\n")[2] + QUIET)
    (project.root / "dags" / "past.py").write_text(PAST)
    (project.root / "dags" / "ended.py").write_text(ENDED)
    sales = project.root / "include" / "data" / "sales-2013-02.csv"
    sales.parent.mkdir(parents=True, exist_ok=True)
    write_sales(sales, rows=SALES)
