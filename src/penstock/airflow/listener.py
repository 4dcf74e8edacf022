"""Emits an event when Airflow starts or ends a task instance, and fails runs in which no task could run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from airflow.listeners import hookimpl
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.log import redact
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.orm import object_session

from penstock.airflow.task_logs import TaskLogs
from penstock.model.errors import PenstockError

Emit = Callable[..., None]


def label(instance: Any) -> str:
    """Return the name of a task instance: its task id and, if it is mapped, its index.

    Example:
        >>> from types import SimpleNamespace
        >>> label(SimpleNamespace(task_id="load", map_index=2))
        'load[2]'
    """
    return str(instance.task_id) if instance.map_index < 0 else f"{instance.task_id}[{instance.map_index}]"


def named(instance: Any) -> dict[str, str]:
    """Return the label that the task's `map_index_template` gives; it is known after the instance has ended.

    Example:
        >>> from types import SimpleNamespace
        >>> named(SimpleNamespace(task_id="load", map_index=2, rendered_map_index="north"))
        {'label': 'load[north]'}
    """
    name = getattr(instance, "rendered_map_index", None)
    return {"label": redact(f"{instance.task_id}[{name}]")} if name else {}


class Listener:
    """An Airflow listener. `reported` holds the task instances whose end was emitted.

    Args:
        emit: Called with each event.
        logs: Where the tasks' output goes; by default it is not redirected.
    """

    def __init__(self, emit: Emit, logs: TaskLogs | None = None) -> None:
        self._emit = emit
        self._logs = logs
        self._started: float | None = None
        self.reported: set[str] = set()

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Called when a task starts."""
        self._started = time.monotonic()
        if self._logs:
            self._logs.begin(label(task_instance))
        self._emit(event="begin", task=label(task_instance))

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """Called when a task succeeds."""
        value = task_instance.xcom_pull(task_ids=task_instance.task_id, map_indexes=task_instance.map_index)
        account = {"account": value} if isinstance(value, dict) and "duplicates" in value else {}
        self._end(task_instance, "success", None, **account)

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:
        """Called when a task skips itself."""
        self._end(task_instance, "skipped", None)

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: Any) -> None:
        """Called when a task fails."""
        reported = isinstance(error, str | PenstockError) or type(error).__name__ == "AirflowFailException"
        text = str(error) if reported else f"{type(error).__name__}: {error}".removesuffix(": ")
        failure = error if isinstance(error, BaseException) else None
        words = {"error": redact(text), "hint": redact(getattr(error, "hint", None))}
        self._end(task_instance, "failed", failure, **words)

    def _end(self, instance: Any, state: str, failure: BaseException | None, **more: Any) -> None:
        seconds = 0.0 if self._started is None else round(time.monotonic() - self._started, 2)
        self._started = None
        if self._logs:
            self._logs.end(label(instance), failure)
            more["log"] = str(self._logs.path(label(instance)))
        self.reported.add(label(instance))
        self._emit(event="end", task=label(instance), state=state, seconds=seconds, **named(instance), **more)


_LOG = logging.getLogger(__name__)

NOTE = "No task ran: every task starts after or ends before this run's logical date."


class EmptyRuns:
    """A scheduler listener. Airflow itself marks a run without task instances as a success.

    DAGs that have no tasks at all are not affected.
    """

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:  # noqa: ARG002  # Airflow calls it so
        """Mark a run that did nothing as failed, in the transaction that ends the run."""
        session = object_session(dag_run)
        if session is None or not dag_run.get_dag().task_ids:
            return
        query = select(TaskInstance.id).where(
            TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id
        )
        if session.scalars(query.limit(1)).first() is None:
            dag_run.set_state(DagRunState.FAILED)
            dag_run.note = NOTE
            _LOG.error("%s of %s failed. %s", dag_run.run_id, dag_run.dag_id, NOTE)


def listen() -> None:
    """Register the listener in this process."""
    from airflow.listeners.listener import get_listener_manager

    get_listener_manager().add_listener(EmptyRuns())
