"""Runs `dag.test()`, or one task of an earlier run, and reports events. Airflow must be configured before."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from airflow import settings
from airflow.api_fastapi.execution_api.routes import execution_api_router
from airflow.dag_processing.dagbag import DagBag
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import DAG
from airflow.sdk.definitions.dag import _run_task  # `airflow tasks test` uses it too
from airflow.sdk.execution_time.supervisor import in_process_api_server
from airflow.sdk.listener import get_listener_manager
from airflow.utils.session import create_session
from cadwyn import Version, VersionBundle
from cadwyn.exceptions import CadwynError
from sqlalchemy import event, select

from penstock.airflow.listener import Emit, Listener, label, named
from penstock.airflow.run_dates import Wanted, run_now, scheduled
from penstock.airflow.task_logs import TaskLogs
from penstock.devtools.dag_events import EMPTY
from penstock.model.errors import ExitCode, PenstockError

_BUNDLES = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
_PAUSE_S = 0.05


def run(dag_id: str, file: Path, conf: dict[str, Any], emit: Emit) -> bool:
    """Run a DAG once, now, and emit an event when a task starts or ends; return whether the run succeeded.

    Raises:
        PenstockError: The DAG does not exist, or its file cannot be imported.
    """
    bag = DagBag(file)
    if bag.import_errors:
        raise PenstockError(f"{file.name} cannot be imported: {next(iter(bag.import_errors.values()))}")
    if dag_id not in bag.dags:
        raise PenstockError(
            f"{file.name} does not define the DAG {dag_id!r}",
            hint=f"it defines {', '.join(bag.dags) or 'none'}",
        )
    dag = bag.dags[dag_id]
    return Runner(dag, file, emit).run([run_now(scheduled(dag))], conf) is ExitCode.DONE


class Runner:
    """Runs one DAG in this process, one date after another.

    Args:
        dag: The DAG, as its file defines it.
        file: The file that defines it.
        emit: Called with each event.
        logs: Where the tasks' output goes; by default it is not redirected.
        task: The only task to run; by default all tasks.
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
            one.retries = 0  # do not wait minutes for the same error again
            one.retry_policy = None

    def run(self, runs: Sequence[Wanted], conf: dict[str, Any], *, keep_going: bool = False) -> ExitCode:
        """Run these dates and return the exit code. Stops after the first failed run unless `keep_going` is set."""
        keep_newest_version()
        get_listener_manager().add_listener(self._listener)
        gc.freeze()  # dbt's runner starts a collection
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
            if (
                label(instance) not in self._listener.reported
            ):  # it did not run, so the listener was not called
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
    """Make `dag.test()` read only the DAG's own file, and only once.

    If the DAG triggers other DAGs, all files are read.
    """
    names_others = any(type(task).__name__ == "TriggerDagRunOperator" for task in dag.tasks)
    path = Path(settings.DAGS_FOLDER) if names_others else file if is_first else Path(os.devnull)
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    bundle = {"name": "dags-folder", "classpath": local, "kwargs": {"path": str(path)}}
    before = dict(os.environ)
    os.environ[_BUNDLES] = json.dumps([bundle])
    try:
        yield
    finally:  # restore every variable that a task changed
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _interval(wanted: Wanted) -> Iterator[None]:
    """Give the run the data interval of its timetable; `dag.test()` would use that of a manual run."""
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
    """Keep `dag.test()` from sleeping a second for each level of skipped or failed tasks.

    A chain of six tasks whose first task fails takes 0.3 s instead of 4.5 s. Sleeps in tasks are not affected.
    """
    loop = DAG.test.__code__
    sleep = time.sleep

    def nap(seconds: float) -> None:
        sleep(_PAUSE_S if sys._getframe(1).f_code is loop else seconds)  # noqa: SLF001  # the caller's code

    time.sleep = nap
    try:
        yield
    finally:
        time.sleep = sleep


def run_again(dag: Any, task_id: str, logical_date: datetime) -> tuple[str, list[Any]] | None:
    """Run a task in the run of this date; return its state and its instances, or None if the run does not exist.

    Args:
        dag: The DAG, as its file defines it.
    """
    with create_session() as session:
        session.expire_on_commit = False
        instances = list(session.scalars(_instances(dag.dag_id, task_id, logical_date)))
        for instance in instances:
            instance.try_number += 1
            instance.state = None
    for instance in instances:
        _run_task(ti=instance, task=dag.task_dict[task_id], run_triggerer=True)
    if not instances:
        return None
    failed = any(instance.state != "success" for instance in instances)
    return "failed" if failed else "success", instances


def last_run(dag_id: str, task_id: str) -> Wanted | None:
    """Return the latest run that includes the task."""
    with create_session() as session:
        query = select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.task_id == task_id)
        found = session.scalars(query.order_by(TaskInstance.id.desc()).limit(1)).first()
        if found is None:
            return None
        run = found.dag_run
        return Wanted(run.logical_date, interval=(run.data_interval_start, run.data_interval_end))


def _instances(dag_id: str, task_id: str, logical_date: datetime) -> Any:
    query = select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.task_id == task_id)
    return query.where(TaskInstance.dag_run.has(logical_date=logical_date)).order_by(TaskInstance.map_index)


_ONLY_IN_OLDER = "_CADWYN_DELETED_ROUTE"  # Cadwyn's tag for routes that the newest version removed


def keep_newest_version() -> None:
    """Build the API in its newest version only, which the tasks of this Airflow use.

    A process that runs six short tasks takes 5.5 to 6.2 s with all nine versions, and 3.6 to 4.0 s with one. Only
    public names of Airflow and Cadwyn are used; if an Airflow version differs, all API versions are built.
    """
    routes = list(execution_api_router.routes)
    execution_api_router.routes[:] = [route for route in routes if not _is_old(route)]
    app = in_process_api_server().app
    every = getattr(app, "versions", None)
    if every is not None:
        newest = Version(every.versions[0].value)
        app.versions = VersionBundle(every.head_version, newest, api_version_var=every.api_version_var)
    if every is None or not _answers(every.versions[0].value):
        execution_api_router.routes[:] = routes
        in_process_api_server.cache_clear()


def _is_old(route: Any) -> bool:
    return _ONLY_IN_OLDER in getattr(route, "tags", ())


def _answers(version: str) -> bool:
    transport = in_process_api_server().transport
    with httpx.Client(transport=transport, base_url="http://in-process.invalid") as client:
        try:
            answer = client.get("/health", headers={"airflow-api-version": version})
        except CadwynError:  # the routes of this version depend on older ones
            return False
    return answer.is_success
