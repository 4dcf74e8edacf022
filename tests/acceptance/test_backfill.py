"""`penstock backfill` on a real stack: what it makes, what it leaves alone, what failed, and how it is ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from tests.acceptance.stacks import Airflow, penstock, until

pytestmark = pytest.mark.timeout(300)

WEEK = ("--from", "2013-02-01", "--to", "2013-02-05")  # Friday, Monday, Tuesday
DAYS = ["2013-02-01T09:00:00", "2013-02-04T09:00:00", "2013-02-05T09:00:00"]


def test_a_backfill_from_the_first_question_to_the_last_repair(gallery: Airflow) -> None:
    project = gallery.project
    fails = project.root / "dags" / "past.fails"
    fails.touch()
    until(lambda: isinstance(gallery.ask("dags/past"), dict))

    asked = penstock(project, "backfill", "past", *WEEK, "--dry-run")
    assert asked.stdout.splitlines() == [
        *DAYS,
        "past: 3 runs would be created, 0 exist and would be kept",
    ]
    refused = penstock(project, "backfill", "past", *WEEK)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "error: past is paused, and Airflow does not run a paused DAG",
        "hint: add --unpause; this also resumes its schedule",
    ]
    assert gallery.runs("past") == []

    failed = penstock(project, "backfill", "past", *WEEK, "--unpause")
    assert failed.returncode == 1
    assert failed.stdout.splitlines()[0].startswith("3 runs of past: 2 success, 1 failed, in ")
    assert failed.stdout.splitlines()[1:] == ["  failed: 2013-02-04T09:00:00  check"]
    assert failed.stderr.endswith(
        "error: 1 of 3 runs failed\nhint: fix it, then: penstock backfill past --from 2013-02-04T09:00:00 "
        "--to 2013-02-04T09:00:00 --reprocess failed\n"
    )
    assert [run["logical_date"].removesuffix("Z") for run in gallery.runs("past")] == DAYS

    fails.unlink()
    left_alone = penstock(project, "backfill", "past", *WEEK)
    assert left_alone.stdout.startswith("nothing to do: all 3 runs of past in this range exist")
    assert (left_alone.returncode, left_alone.stderr.splitlines()[0]) == (
        1,
        "error: 1 of 3 runs failed before",
    )
    weekend = penstock(project, "backfill", "past", "--from", "2013-02-02", "--to", "2013-02-03")
    assert (weekend.returncode, weekend.stderr.splitlines()[0]) == (
        5,
        "error: past has no completed data interval between 2013-02-02 and 2013-02-03",
    )
    corrected = penstock(project, "backfill", "past", *WEEK, "--reprocess", "failed", "--json")
    assert corrected.returncode == 0, corrected.stderr
    account = json.loads(corrected.stdout)
    assert (account["runs"], account["states"], account["failed"]) == (1, {"success": 1}, [])

    # A running backfill: Ctrl-C does not stop it, a second one is refused, and it can be cancelled.
    month = ("--from", "2013-03-01", "--to", "2013-04-30", "--max-active", "1")
    with subprocess.Popen(
        [sys.executable, "-m", "penstock", "backfill", "past", *month],
        env=os.environ | {"PENSTOCK_PROJECT": str(project.root)},
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        assert waiting.stderr is not None
        first = waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        output = waiting.stderr.read()
    assert first.startswith("0 of 43 runs, ")
    assert waiting.returncode == 130
    assert output.endswith("hint: penstock backfill past --follow waits for it, --cancel cancels it\n")
    second = penstock(project, "backfill", "past", "--from", "2013-05-01", "--to", "2013-05-02")
    assert second.stderr.startswith("error: a backfill of past is already running")
    ended = penstock(project, "backfill", "past", "--cancel")
    assert (ended.returncode, " ended: " in ended.stdout) == (0, True)
    assert penstock(project, "backfill", "past", "--follow").stderr.startswith(
        "error: no backfill of past is running"
    )


@pytest.mark.soak
def test_a_dag_that_has_ended_is_no_success(gallery: Airflow) -> None:
    project = gallery.project
    later = penstock(project, "backfill", "ended", "--from", "2013-02-06", "--to", "2013-02-07", "--unpause")
    assert (later.returncode, later.stderr.splitlines()[0]) == (
        5,
        "error: ended ended on 2013-02-05, before 2013-02-06: no task would run",
    )
    asked = penstock(project, "backfill", "ended", "--from", "2013-02-04", "--to", "2013-02-08", "--dry-run")
    assert asked.stdout.splitlines()[:2] == ["2013-02-04", "2013-02-05"]
    assert asked.stderr == "ended has ended: 3 dates after its end skipped\n"
    unpaused = penstock(
        project, "backfill", "ended", "--from", "2013-02-04", "--to", "2013-02-08", "--unpause"
    )
    assert (unpaused.returncode, unpaused.stdout[:28]) == (0, "2 runs of ended: 2 success, ")
    assert [run["logical_date"][:10] for run in gallery.runs("ended")] == ["2013-02-04", "2013-02-05"]

    # What another way of triggering makes all the same, Airflow would call a success.
    done = penstock(project, "airflow", "dags", "trigger", "ended", "--logical-date", "2013-02-20")
    assert done.returncode == 0, done.stderr
    *_, empty = gallery.ended_runs("ended", 3)
    assert (empty["logical_date"][:10], empty["state"]) == ("2013-02-20", "failed")
    assert empty["note"] == "No task ran: every task starts after or ends before this run's logical date."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pasd", *WEEK), "unknown DAG 'pasd'"),
        (("past", "--from", "2013-02-01"), "give --from and --to"),
        (("past", "--from", "2013-02-05", "--to", "2013-02-01"), "2013-02-05 is after 2013-02-01"),
        (
            ("past", "--from", "2040-02-01", "--to", "2040-02-05"),
            "Backfill cannot be executed for future dates",
        ),
        (("xcoms_demo", *WEEK), "has a non-periodic schedule"),
    ],
    ids=["unknown", "half", "backwards", "future", "no-schedule"],
)
def test_requests_that_make_no_sense(gallery: Airflow, words: tuple[str, ...], message: str) -> None:
    done = penstock(gallery.project, "backfill", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_airflows_own_command_line_meets_the_running_stack(gallery: Airflow) -> None:
    done = penstock(gallery.project, "airflow", "dags", "list", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert "past" in {one["dag_id"] for one in json.loads(done.stdout.splitlines()[-1])}
    assert penstock(gallery.project, "airflow", "nothing").returncode == 2
