"""`dag.test()`, watched: what `penstock.airflow.run` does once Airflow's settings are made."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.listeners import hookimpl
from airflow.sdk import timezone
from airflow.sdk.listener import get_listener_manager
from airflow.utils.db import initdb
from airflow.utils.session import create_session

from penstock.model.errors import PenstockError

Tell = Callable[..., None]


def prepare_database(home: Path) -> None:
    """Migrate the metadata database once for each version of Airflow; that takes three seconds."""
    done = home / f"migrated-{version('apache-airflow-core')}"
    if not done.exists():
        (home / "metadata.db").unlink(missing_ok=True)
        initdb()
        done.touch()


def run(dag_id: str, file: Path, conf: dict[str, Any], tell: Tell) -> bool:
    """Run a DAG to its end, telling of each task as it starts and ends; whether all went well.

    Raises:
        PenstockError: There is no such DAG, or its file cannot be imported.
    """
    dag = _find(dag_id, file)
    get_listener_manager().add_listener(_Listener(tell))
    tell(event="start", dag=dag_id, tasks=list(dag.task_ids))
    gc.freeze()  # dbt's runner asks for a collection
    started = time.monotonic()
    run = dag.test(logical_date=timezone.utcnow(), run_conf=conf)
    with create_session() as session:
        instances = run.get_task_instances(session=session)
        for instance in instances:
            if instance.state not in (
                "success",
                "failed",
                "skipped",
            ):  # no task ran, so no listener heard of it
                tell(event="end", task=instance.task_id, state=instance.state, seconds=0.0)
    tell(event="done", state=run.state, seconds=round(time.monotonic() - started, 2))
    return bool(run.state == "success")


def _find(dag_id: str, file: Path) -> Any:
    bag = DagBag(file)
    if bag.import_errors:
        raise PenstockError(f"{file.name} cannot be imported: {next(iter(bag.import_errors.values()))}")
    if dag_id not in bag.dags:
        raise PenstockError(
            f"{file.name} holds no DAG {dag_id!r}", hint=f"it holds {', '.join(bag.dags) or 'none'}"
        )
    return bag.dags[dag_id]


class _Listener:
    """Tells of task instances as they start and end."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._started = 0.0

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        self._started = time.monotonic()
        self._tell(event="begin", task=task_instance.task_id)

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        value = task_instance.xcom_pull(task_ids=task_instance.task_id)
        account = {"account": value} if isinstance(value, dict) and "duplicates" in value else {}
        self._end(task_instance, "success", **account)

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:
        self._end(task_instance, "skipped")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: Any) -> None:
        self._end(task_instance, "failed", error=str(error), hint=getattr(error, "hint", None))

    def _end(self, task_instance: Any, state: str, **more: Any) -> None:
        seconds = round(time.monotonic() - self._started, 2)
        self._tell(event="end", task=task_instance.task_id, state=state, seconds=seconds, **more)
