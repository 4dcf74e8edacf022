"""Runs in which no task was there to run, because each begins later or ended before: here they fail, and say why."""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.orm import object_session

_LOG = logging.getLogger(__name__)

NOTE = "No task ran: each of them begins later, or ended before this run's logical date."


class EmptyRuns:
    """Listens to the scheduler. Airflow itself calls a run without a single task a success.

    A DAG that has no tasks at all is left alone: it is as it was written.
    """

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:  # noqa: ARG002  # Airflow calls it so
        """Make a failure of a run that did nothing; in the transaction that ends the run."""
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
    """Have the scheduler of this process tell."""
    from airflow.listeners.listener import get_listener_manager

    get_listener_manager().add_listener(EmptyRuns())
