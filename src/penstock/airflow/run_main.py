"""Run one DAG now, without a scheduler: `python -m penstock.airflow.run_main sales_warehouse`.

Airflow's own `dag.test()` runs the DAG on a separate metadata database, because it would conflict with a scheduler that
uses the same database. Events are printed as JSON, one per line; all other output of Airflow and dbt goes to the
project's logs.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from penstock import lookup
from penstock.airflow.dbt.manifest import refresh
from penstock.airflow.json_events import carried_out, emit, event_stream
from penstock.airflow.offline import enter
from penstock.airflow.run_parameters import require_parameters, unknown_parameters
from penstock.devtools.process_env import WAREHOUSE
from penstock.model.date_arguments import parse_moment
from penstock.model.errors import ExitCode, UsageError
from penstock.project import Project, find_project
from penstock.stack.airflow_env import RUN_LOCK, run_database
from penstock.stack.lock import locked

if TYPE_CHECKING:
    from penstock.airflow.run_dates import Wanted

_PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>


def main() -> int:
    """Run the DAG named on the command line and return an exit code of `penstock run`."""
    words = _words()
    if words.with_parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Objects imported by Airflow and dbt stay alive; garbage collection among them took 4 s of 15 s.
    gc.disable()
    project = find_project()
    with event_stream(project.make_state_dir("logs") / "airflow-run.log") as events:
        return carried_out(events, lambda: _run_alone(project, words, events))


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="penstock.airflow.run_main", description=__doc__)
    parser.add_argument("dag_id")
    parser.add_argument("--conf", default="{}", help="parameters of the run, as JSON")
    parser.add_argument("--date", help="logical date of a single run")
    parser.add_argument("--from", dest="start", help="first logical date")
    parser.add_argument("--to", dest="end", help="last logical date")
    parser.add_argument("--task", help="run only this task")
    parser.add_argument(
        "--keep-going", action="store_true", help="continue with the other dates after a failed run"
    )
    parser.add_argument("--apart", help="directory for a separate database and logs")
    parser.add_argument("--with-parent", action="store_true", help="exit when the parent process exits")
    return parser.parse_args()


def _run_alone(project: Project, words: argparse.Namespace, events: IO[str]) -> int:
    """Allow one run at a time, because runs share a metadata database, unless this run has its own."""

    def wait(holder: str) -> None:
        emit(
            events,
            event="note",
            message=f"waiting for {holder}, which is running a DAG or resetting the project",
        )

    with nullcontext() if words.apart else locked(project, *RUN_LOCK, busy=wait):
        return _run(project, words, events)


def _run(project: Project, words: argparse.Namespace, events: IO[str]) -> ExitCode:
    database = Path(words.apart, "metadata.db") if words.apart else run_database(project)
    enter(project, database)
    refresh(project, lambda: lookup.find(WAREHOUSE, project))
    # Airflow reads its settings only once, at import.
    from penstock.airflow import dag_test
    from penstock.airflow.dag_files import find_dag
    from penstock.airflow.pools import make_pools
    from penstock.airflow.run_database import database_failures, prepare
    from penstock.airflow.task_logs import Masked, TaskLogs

    sys.stdout = Masked(sys.stdout)
    found = find_dag(words.dag_id, project.root)
    _require_task(found.dag, words.task)
    conf = json.loads(words.conf)
    require_parameters(found.dag, conf)
    with database_failures(database):
        if (warning := prepare(database, run_database(project).parent)) is not None:
            emit(events, event="note", message=warning)
        make_pools(project)
        runs = _wanted(found.dag, words)
        logs = TaskLogs(Path(words.apart) if words.apart else project.make_state_dir("logs", "run"))
        for note in _notes(found.dag, words, runs):
            emit(events, event="note", message=note)
        runner = dag_test.Runner(found.dag, found.file, partial(emit, events), logs, words.task)
        return runner.run(runs, conf, keep_going=words.keep_going)


def _wanted(dag: Any, words: argparse.Namespace) -> list[Wanted]:
    from penstock.airflow import run_dates
    from penstock.airflow.dag_test import last_run

    if words.start:
        return run_dates.runs_between(
            run_dates.scheduled(dag), parse_moment(words.start), parse_moment(words.end)
        )
    if words.date:
        return [run_dates.run_at(run_dates.scheduled(dag), parse_moment(words.date))]
    last = last_run(dag.dag_id, words.task) if words.task else None
    return [last or run_dates.run_now(run_dates.scheduled(dag))]


def _notes(dag: Any, words: argparse.Namespace, runs: Sequence[Wanted]) -> list[str]:
    """Return notes about the runs, to show before they start."""
    from penstock.airflow import run_dates

    known = run_dates.scheduled(dag)
    if words.start:
        return [
            *unknown_parameters(dag, json.loads(words.conf)),
            *run_dates.left_out(known, parse_moment(words.start), parse_moment(words.end)),
        ]
    notes = unknown_parameters(dag, json.loads(words.conf))
    if words.date and known.timetable.periodic and not runs[0].is_scheduled:
        notes.append(
            f"{words.date} is not in the schedule of {dag.dag_id} ({known.timetable.summary}): making a manual run "
            f"{run_dates.described(known, runs[0])}"
        )
    return notes


def _require_task(dag: Any, task: str | None) -> None:
    if task is not None and task not in dag.task_dict:
        from penstock.environments.errors import suggestion

        raise UsageError(f"unknown task {task!r} in {dag.dag_id}", hint=suggestion(task, dag.task_ids))


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    # Skip interpreter shutdown, which took 1.4 s of 18 s.
    os._exit(code)
