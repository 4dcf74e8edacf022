"""One stack of the gallery for all tests that only use it: they run first, on one worker, and end it after the last.

A stack that idles takes processor time from the tests that run beside it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.stacks import Airflow, penstock
from tests.conftest import PENSTOCK_TOML, RUN_DIR

from penstock.project import Project
from penstock.stack import lifecycle
from penstock_sandbox.sales import write_sales

SALES = 2_000
RUNNING: list[Airflow] = []  # the stack, while this worker has it

# It stays up for the whole run and idles most of it: its files do not change, and no test waits for a quarter of a
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in filter(uses_the_stack, items):
        item.add_marker(pytest.mark.xdist_group("gallery"))
    items.sort(key=lambda item: not uses_the_stack(item))


def uses_the_stack(item: pytest.Item) -> bool:
    """Whether the test uses this file's gallery instead of its own."""
    found = getattr(item, "_fixtureinfo", None)
    meant: Sequence[Any] = found.name2fixturedefs.get("gallery", ()) if found is not None else ()
    return bool(meant) and meant[-1].baseid == "tests/acceptance"


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop it if no other test uses it; with several workers, it is stopped at the end of the run."""
    is_alone = "PYTEST_XDIST_WORKER" not in os.environ
    is_last = nextitem is None or not uses_the_stack(nextitem)
    if is_alone and is_last and uses_the_stack(item):
        for stack in RUNNING:
            lifecycle.stop(stack.project)
        RUNNING.clear()


@pytest.fixture
def gallery() -> Airflow:
    """The gallery as `penstock init` makes it, on a stack of its own.

    Nobody stops it, kills a part of it, or changes its files.
    """
    if not RUNNING:
        RUNNING.append(start_gallery(Path(os.environ[RUN_DIR])))
    return RUNNING[0]


def start_gallery(run_dir: Path) -> Airflow:
    """The shared stack of the run, started by the first worker that asks for it."""
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
