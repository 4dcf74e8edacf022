"""`dag.test()`, watched: what `penstock.airflow.run_main` does once Airflow's settings are made."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow import settings
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.listener import get_listener_manager
from airflow.utils.session import create_session
from sqlalchemy import event

from penstock.airflow.execution_api import keep_newest_version
from penstock.airflow.listener import Listener, Emit, label, named
from penstock.airflow.rerun_task import run_again
from penstock.airflow.run_dates import Wanted, run_now, scheduled
from penstock.airflow.task_logs import TaskLogs
from penstock.devtools.dag_events import EMPTY
from penstock.model.errors import PenstockError
from penstock.model.exit_codes import ExitCode

_BUNDLES = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
_PAUSE_S = 0.05


def run(dag_id: str, file: Path, conf: dict[str, Any], emit: Emit) -> bool:
    """Run a DAG once, now, telling of each task as it starts and ends; whether all went well.

    Raises:
        PenstockError: There is no such DAG, or its file cannot be imported.
    """
    bag = DagBag(file)
    if bag.import_errors:
        raise PenstockError(f"{file.name} cannot be imported: {next(iter(bag.import_errors.values()))}")
    if dag_id not in bag.dags:
        raise PenstockError(
            f"{file.name} holds no DAG {dag_id!r}", hint=f"it holds {', '.join(bag.dags) or 'none'}"
        )
    dag = bag.dags[dag_id]
    return Runner(dag, file, emit).run([run_now(scheduled(dag))], conf) is ExitCode.DONE


class Runner:
    """Runs one DAG in this process, one date after the other.

    Args:
        dag: As its file made it.
        file: Where it was made.
        tell: Told of each event.
        logs: Where the tasks' output goes; by default where it would go anyway.
        task: The one task to run; by default all of them.
    """

    def __init__(
        self, dag: Any, file: Path, emit: Emit, logs: TaskLogs | None = None, task: str | None = None
    ) -> None:
        self._dag = dag
        self._file = file
        self._emit = emit
        self._logs = logs
        self._task = task
        self._listener = Listener(emit, logs)
        for one in dag.tasks:
            one.retries = 0  # nobody waits minutes to see the same error again
            one.retry_policy = None

    def run(self, runs: Sequence[Wanted], conf: dict[str, Any], *, keep_going: bool = False) -> ExitCode:
        """Run these, and stop after the first that fails unless told to keep going; what that comes to."""
        keep_newest_version()
        get_listener_manager().add_listener(self._listener)
        gc.freeze()  # dbt's runner asks for a collection
        failed = empty = 0
        began = time.monotonic()
        for number, wanted in enumerate(runs):
            state = self._run(wanted, conf, is_first=not number)
            empty += state == EMPTY
            if state not in ("success", EMPTY):
                failed += 1
                if not keep_going:
                    break
        left = [one.logical_date for one in runs[number + 1 :]]
        seconds = round(time.monotonic() - began, 2)
        self._emit(event="finished", runs=number + 1, failed=failed, empty=empty, left=left, seconds=seconds)
        return ExitCode.FAILED if failed else ExitCode.NOTHING if empty else ExitCode.DONE

    def _run(self, wanted: Wanted, conf: dict[str, Any], *, is_first: bool) -> str:
        dag = self._dag
        if self._logs:
            self._logs.begin_run(dag.dag_id, f"{wanted.logical_date:%Y-%m-%dT%H%M%S}")
        tasks = list(dag.task_ids) if self._task is None else [self._task]
        of_run = {"logical_date": wanted.logical_date, "data_interval": wanted.interval}
        self._emit(event="start", dag=dag.dag_id, tasks=tasks, **of_run)
        self._listener.reported.clear()
        started = time.monotonic()
        with _synced(self._file, self._dag, is_first=is_first), _interval(wanted), _no_pauses():
            state, instances = self._carry_out(wanted, conf)
        order = {task: place for place, task in enumerate(dag.task_ids)}
        for instance in sorted(instances, key=lambda one: (order[one.task_id], one.map_index)):
            if label(instance) not in self._listener.reported:  # it did not run, so no listener heard of it
                words = {"state": instance.state, "seconds": 0.0, **named(instance)}
                self._emit(event="end", task=label(instance), **words)
        if state == "success" and not instances:
            state = EMPTY
        self._emit(event="done", state=state, seconds=round(time.monotonic() - started, 2))
        return state

    def _carry_out(self, wanted: Wanted, conf: dict[str, Any]) -> tuple[str, list[Any]]:
        dag = self._dag
        if self._task is not None:
            if (again := run_again(dag, self._task, wanted.logical_date)) is not None:
                return again
            dag = dag.partial_subset([self._task], include_upstream=False)
        run = dag.test(logical_date=wanted.logical_date, run_after=wanted.run_after, run_conf=conf)
        with create_session() as session:
            return str(run.state), list(run.get_task_instances(session=session))


@contextmanager
def _synced(file: Path, dag: Any, *, is_first: bool) -> Iterator[None]:
    """Let `dag.test()` read the DAG's own file and not all others, and that only once.

    A DAG that starts others needs them known, so with it all files are read.
    """
    names_others = any(type(task).__name__ == "TriggerDagRunOperator" for task in dag.tasks)
    path = Path(settings.DAGS_FOLDER) if names_others else file if is_first else Path(os.devnull)
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    bundle = {"name": "dags-folder", "classpath": local, "kwargs": {"path": str(path)}}
    before = dict(os.environ)
    os.environ[_BUNDLES] = json.dumps([bundle])
    try:
        yield
    finally:  # all of them: a task that changed a variable changed it for its own run
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _interval(wanted: Wanted) -> Iterator[None]:
    """Give the run the data interval of its timetable, where `dag.test()` gives it that of a run by hand."""
    from airflow.models.dagrun import DagRun

    def set_interval(mapper: Any, connection: Any, run: Any) -> None:  # noqa: ARG001  # SQLAlchemy calls it so
        if wanted.interval is not None and run.logical_date == wanted.logical_date:
            run.data_interval_start, run.data_interval_end = wanted.interval

    event.listen(DagRun, "before_insert", set_interval)
    try:
        yield
    finally:
        event.remove(DagRun, "before_insert", set_interval)


@contextmanager
def _no_pauses() -> Iterator[None]:
    """Keep `dag.test()` itself from sleeping a second for each level of tasks that are skipped or fail.

    Six tasks in a row, of which the first fails, took 4.5 s so, and 0.3 s without. Tasks sleep as they like.
    """
    loop = DAG.test.__code__
    sleep = time.sleep

    def nap(seconds: float) -> None:
        sleep(_PAUSE_S if sys._getframe(1).f_code is loop else seconds)  # noqa: SLF001  # who calls?

    time.sleep = nap
    try:
        yield
    finally:
        time.sleep = sleep
