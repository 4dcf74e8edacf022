"""Fails runs without task instances, in which every task starts later or ended earlier than the logical date."""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.orm import object_session

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
