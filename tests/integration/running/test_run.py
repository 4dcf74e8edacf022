"""`penstock run`: real DAGs through the real Airflow, in processes of their own, without servers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from tests.databases import enter, uri
from tests.integration.running.conftest import Shop
from tests.waiting import until

from penstock.model.connection import Connection
from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack.lock import locked
from penstock.testing.dags import run_to_the_end

pytestmark = pytest.mark.timeout(180)


def with_its_sleep(pid: int) -> list[psutil.Process]:
    """The process's children, when the sleep that the task becomes is among them; none before."""
    with contextlib.suppress(psutil.NoSuchProcess):  # one may end while it is looked at
        found = psutil.Process(pid).children(recursive=True)
        return found if any(one.name() == "sleep" for one in found) else []
    return []


def states(events: list[dict[str, object]]) -> dict[object, object]:
    return {one["task"]: one["state"] for one in events if one["event"] == "end"}


def test_six_tasks_are_shown_one_by_one(shop: Shop) -> None:
    done = shop.command("run", "six", "--date", "2013-02-05")
    assert done.returncode == 0, done.stderr
    first, *tasks, last = done.stdout.splitlines()
    assert first == "six  2013-02-05"
    assert [line.split()[0::3] for line in tasks] == [["✓", f"t{number}"] for number in range(6)]
    assert last.startswith("success in ")
    assert last.endswith(" s, 6 of 6 tasks succeeded")
    assert done.stderr == ""
    logs = sorted((shop.root / ".penstock" / "logs" / "run" / "six").rglob("*.log"))
    assert [path.name for path in logs] == [f"t{number}.log" for number in range(6)]
    assert all(path.stat().st_mode & 0o077 == 0 for path in logs)


def test_a_range_runs_the_schedules_dates_and_stops_where_one_fails(shop: Shop) -> None:
    events = shop.events("days", "--from", "2013-02-02", "--to", "2013-02-04", "--conf", '{"limit": 7}')
    days = [str(one["logical_date"])[:10] for one in events if one["event"] == "start"]
    assert days == ["2013-02-02", "2013-02-03"]
    (failed,) = [one for one in events if one.get("error")]
    assert (failed["task"], failed["error"]) == ("check", "ValueError: no sales on 2013-02-03")
    assert [one["state"] for one in events if one.get("task") == "after" and one["event"] == "end"] == [
        "success",
        "upstream_failed",
    ]
    finished = events[-1]
    assert (finished["event"], finished["runs"], finished["failed"]) == ("finished", 2, 1)
    assert [str(one)[:10] for one in finished["left"]] == ["2013-02-04"]
    # The interval is the schedule's and not that of a run by hand, which would end on the 2nd; parameters arrive.
    log = shop.log("days", "2013-02-02T000000", "read")
    assert "reads 2013-02-02 00:00:00+00:00 to 2013-02-03 00:00:00+00:00 {'limit': 7}" in log
    assert "ValueError: no sales on 2013-02-03" in shop.log("days", "2013-02-03T000000", "check")


def test_a_failure_is_told_at_the_end_in_its_own_words_and_not_retried(shop: Shop) -> None:
    began = time.monotonic()
    done = shop.command("run", "days", "--from", "2013-02-03", "--to", "2013-02-04", "--keep-going")
    assert time.monotonic() - began < 100  # three retries would take a quarter of an hour
    assert done.returncode == 1
    assert done.stderr == (
        "error: check: ValueError: no sales on 2013-02-03\n"
        "hint: see .penstock/logs/run/days/2013-02-03T000000/check.log\n"
    )
    assert "1 of 2 runs succeeded" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_task_is_run_again_on_what_the_others_left(shop: Shop) -> None:
    token = "tok-5f2a91c7"
    whole = shop.events("mapped", AIRFLOW_VAR_API_TOKEN=token)
    mapped = ["twice[0]", "twice[1]", "twice[2]", "named[0]", "named[1]"]
    assert states(whole) == dict.fromkeys(["many", *mapped, "total"], "success")
    labels = {str(one["task"]): one["label"] for one in whole if "label" in one}
    assert labels == {"named[0]": "named[number 8]", "named[1]": "named[number 9]"}
    one = shop.events("mapped", "--task", "total", AIRFLOW_VAR_API_TOKEN=token)
    assert states(one) == {"total": "success"}
    assert one[0]["logical_date"] == whole[0]["logical_date"]
    (log,) = (shop.root / ".penstock" / "logs" / "run" / "mapped").rglob("total.log")
    assert "found 12" in log.read_text()
    assert "the token is ***" in log.read_text()
    for path in (shop.root / ".penstock" / "logs").rglob("*.log"):
        assert token not in path.read_text()


def test_a_task_alone_where_no_run_was_made_before(shop: Shop) -> None:
    assert states(shop.events("days", "--task", "read", "--date", "2013-02-20")) == {"read": "success"}
    done = shop.command("run", "days", "--task", "raed")
    assert (done.returncode, done.stderr) == (
        2,
        "error: unknown task 'raed' in days\nhint: did you mean read?\n",
    )


def test_rows_copied_are_shown_and_an_unknown_connection_is_the_tasks_own_error(
    shop: Shop, make_database: Callable[[str], Connection]
) -> None:
    database = make_database("dwh")
    (shop.root / "pens.csv").write_text("id,name\n1,red\n2,blue\n2,blue\n")
    words = ("run", "copies", "--conf", f'{{"file": "{shop.root / "pens.csv"}"}}')
    done = shop.command(*words, PENSTOCK_CONN_DWH=uri(database))
    assert done.returncode == 0, done.stderr
    assert "copy  3 rows" in done.stdout
    failed = shop.command(*words)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: copy: no connection 'dwh'")
    assert "Traceback" not in failed.stdout + failed.stderr


def test_a_date_before_the_start_is_nothing_to_run(shop: Shop) -> None:
    done = shop.command("run", "six", "--date", "2013-01-31")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        5,
        "error: six starts on 2013-02-01, after 2013-01-31",
    )


def test_ctrl_c_ends_the_task_and_what_it_started(shop: Shop) -> None:
    mark = shop.root / "sleeps"
    run = subprocess.Popen(
        [sys.executable, "-m", "penstock", "run", "sleeps"],
        env=os.environ | {"PENSTOCK_PROJECT": str(shop.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: mark.exists() or run.poll() is not None, 120)
    assert run.poll() is None
    started = until(lambda: with_its_sleep(run.pid))
    run.send_signal(signal.SIGINT)
    _, output = run.communicate(timeout=30)
    assert (run.returncode, output) == (
        130,
        "error: interrupted; results of completed tasks are kept, the running task was stopped\n",
    )
    _, alive = psutil.wait_procs(started, timeout=10)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.soak
def test_a_damaged_database_is_set_aside_and_told(shop: Shop) -> None:
    assert shop.command("run", "six", "--date", "2013-02-05").returncode == 0
    database = shop.root / ".penstock" / "airflow" / "run" / "metadata.db"
    assert database.stat().st_mode & 0o077 == 0
    for damage in (b"nonsense", b""):
        database.write_bytes(damage)
        for side in ("-wal", "-shm"):
            database.with_name(database.name + side).unlink(missing_ok=True)
        done = shop.command("run", "six", "--date", "2013-02-05", "--task", "t0")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0].endswith("renamed it to metadata.db.damaged and created a new one")
        assert database.with_name("metadata.db.damaged").read_bytes() == damage


@pytest.mark.soak
def test_runs_of_tests_are_apart(shop: Shop) -> None:
    """While a run goes on, a test runs its DAG, leaves nothing in the history, and keeps what failed."""
    project = Project(shop.root)
    with locked(project, "airflow", "run.lock"):
        assert run_to_the_end(project, "six", date="2013-02-17").state == "success"
        assert list((shop.root / ".penstock" / "tests" / "runs").iterdir()) == []
        assert run_to_the_end(project, "days", date="2013-02-03").errors == {
            "check": "ValueError: no sales on 2013-02-03"
        }
    (kept,) = (shop.root / ".penstock" / "tests" / "runs").iterdir()
    assert "no sales" in (kept / "days" / "2013-02-03T000000" / "check.log").read_text()
    assert not list((shop.root / ".penstock" / "logs" / "run").glob("*/2013-02-17*"))


def test_who_waits_is_told_for_whom(shop: Shop) -> None:
    words = [sys.executable, "-m", "penstock", "run", "six", "--date", "2013-02-05"]
    environment = os.environ | {"PENSTOCK_PROJECT": str(shop.root)}
    with (
        locked(Project(shop.root), "airflow", "run.lock"),
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as waiting,
    ):
        assert waiting.stdout is not None
        output = f"waiting for process {os.getpid()}, which is running a DAG or resetting the project\n"
        assert waiting.stdout.readline() == output
        waiting.terminate()


def test_nothing_is_reset_under_a_run(shop: Shop) -> None:
    project = Project(shop.root)
    kept = project.make_state_dir("logs") / "kept.log"
    kept.write_text("mine")
    with locked(project, "airflow", "run.lock"):
        done = shop.command("reset", "--yes")
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[0]
        == f"error: process {os.getpid()} is running a DAG, whose data and log would be removed"
    )
    assert kept.exists()
    assert shop.command("reset", "--yes").returncode == 0
    assert not kept.exists()
    assert shop.command("reset", "--yes").returncode == 0


ENDS = """
from datetime import UTC, datetime
from airflow.sdk import DAG, CronDataIntervalTimetable, Param, task

START, END = datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 2, 5, tzinfo=UTC)
weekdays = CronDataIntervalTimetable("0 0 * * 1-5", timezone="UTC")

with DAG("ends", schedule=weekdays, start_date=START, end_date=END, catchup=False):
    @task
    def day(data_interval_start, data_interval_end):
        print("reads", data_interval_start, "to", data_interval_end)
    day()

with DAG("staggered", schedule="@daily", start_date=START, catchup=False):
    @task
    def early(): ...
    @task
    def late(): ...
    early.override(end_date=datetime(2013, 2, 3, tzinfo=UTC))()
    late.override(start_date=datetime(2013, 2, 6, tzinfo=UTC))()

with DAG("branches", schedule=None):
    @task.short_circuit
    def is_open():
        return False
    @task
    def trade(): ...
    is_open() >> trade()

with DAG("skips", schedule=None):
    @task.skip_if(lambda context: True)
    @task
    def never(): ...
    never()

with DAG("bare", schedule=None): ...

with DAG("limits", schedule=None, params={"limit": Param(type="integer", minimum=1)}):
    @task
    def limited(params): ...
    limited()
"""


@pytest.fixture(scope="module")
def ends(shop: Shop) -> Shop:
    (shop.root / "dags" / "ends.py").write_text(ENDS)
    return shop


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "ends ended on 2013-02-05, before now: no task would run"),
        (("--date", "2013-02-06"), "ends ended on 2013-02-05, before 2013-02-06: no task would run"),
        (
            ("--from", "2013-02-06", "--to", "2013-02-08"),
            "ends ended on 2013-02-05, before 2013-02-06: no task would run",
        ),
    ],
    ids=["now", "date", "range"],
)
def test_a_dag_that_has_ended_is_nothing_to_run(ends: Shop, words: tuple[str, ...], message: str) -> None:
    done = ends.command("run", "ends", *words)
    assert (done.returncode, done.stdout, done.stderr.splitlines()[0]) == (5, "", f"error: {message}")


def test_a_range_that_reaches_beyond_the_end_says_what_it_leaves_out(ends: Shop) -> None:
    done = ends.command("run", "ends", "--from", "2013-02-04", "--to", "2013-02-08")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "ends ended on 2013-02-05: skipping later dates"
    assert [line for line in lines if "data interval" in line] == [
        "ends  2013-02-04  data interval 2013-02-04 to 2013-02-05",
        "ends  2013-02-05  data interval 2013-02-05 to 2013-02-06",
    ]


def test_a_saturday_of_a_schedule_of_weekdays_says_which_interval_it_reads(ends: Shop) -> None:
    done = ends.command("run", "ends", "--date", "2013-02-02")
    assert done.returncode == 0, done.stderr
    note, title, *_ = done.stdout.splitlines()
    assert note == (
        "2013-02-02 is not in the schedule of ends (0 0 * * 1-5): making a manual run of the data interval "
        "2013-01-31 to 2013-02-01"
    )
    assert title == "ends  2013-02-02  data interval 2013-01-31 to 2013-02-01"
    assert "reads 2013-01-31 00:00:00+00:00 to 2013-02-01 00:00:00+00:00" in ends.log(
        "ends", "2013-02-02T000000", "day"
    )
    again = ends.command("run", "ends", "--task", "day")
    assert again.stdout.splitlines()[0] == title


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"limit": "x"}, """error: limits: invalid parameter limit "x": 'x' is not of type 'integer'"""),
        ({"limit": 0}, "error: limits: invalid parameter limit 0: 0 is less than the minimum of 1"),
        ({}, "error: limits: invalid parameter limit: No value passed"),
    ],
)
def test_a_wrong_parameter_is_said_before_the_run(ends: Shop, conf: dict[str, Any], message: str) -> None:
    done = ends.command("run", "limits", "--conf", json.dumps(conf))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert """--conf '{"limit": ...}'""" in done.stderr


def test_an_unknown_parameter_is_said(ends: Shop) -> None:
    done = ends.command("run", "limits", "--conf", '{"limit": 3, "limt": 4}')
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "limits declares no parameter 'limt' (did you mean limit?)"


def test_a_run_without_a_task_is_no_success(ends: Shop) -> None:
    done = ends.command("run", "staggered", "--date", "2013-02-04")
    assert done.returncode == 5
    assert done.stdout.splitlines()[-1].startswith("empty in ")
    assert done.stdout.endswith(", 0 of 2 tasks succeeded, 2 not reached\n")
    assert done.stderr.splitlines()[0] == (
        "error: staggered: no task ran on 2013-02-04: all tasks start later or ended before"
    )
    bare = ends.command("run", "bare")
    assert (bare.returncode, bare.stderr.splitlines()[0]) == (5, "error: bare has no tasks")
    as_json = ends.command("run", "--json", "staggered", "--from", "2013-02-03", "--to", "2013-02-04")
    assert as_json.returncode == 5
    events = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [one["state"] for one in events if one["event"] == "done"] == ["success", "empty"]
    assert (events[-1]["runs"], events[-1]["failed"], events[-1]["empty"]) == (2, 0, 1)
    some = ends.command("run", "staggered", "--date", "2013-02-03")
    assert some.returncode == 0
    assert some.stdout.endswith(", 1 of 2 tasks succeeded, 1 not reached\n")


@pytest.mark.parametrize(("dag", "skipped"), [("branches", 1), ("skips", 1)])
def test_tasks_that_the_dag_skips_are_not_nothing(ends: Shop, dag: str, skipped: int) -> None:
    done = ends.command("run", dag)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f" succeeded, {skipped} skipped\n")


def test_a_test_of_a_dag_that_has_ended_fails(ends: Shop) -> None:
    with pytest.raises(PenstockError, match="ends ended on 2013-02-05"):
        run_to_the_end(Project(ends.root), "ends", date="2013-02-06")
    assert run_to_the_end(Project(ends.root), "staggered", date="2013-02-04").state == "empty"


def test_a_copy_whose_every_row_is_rejected_fails_the_run(
    ends: Shop, make_database: Callable[[str], Connection]
) -> None:
    database = make_database("dwh")
    with enter(database) as session:
        session.execute("CREATE TABLE pens (id int, name text)")
    (ends.root / "pens.csv").write_text("id,name\nx,red\n")
    conf = f'{{"file": "{ends.root / "pens.csv"}"}}'
    done = ends.command("run", "copies", "--conf", conf, PENSTOCK_CONN_DWH=uri(database))
    assert (done.returncode, done.stderr.splitlines()[0][:46]) == (
        1,
        "error: copy: every row was rejected (1 of 1): ",
    )
