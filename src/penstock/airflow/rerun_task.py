"""Runs one task of an earlier run again; the XComs of its upstream tasks are still available."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.sdk.definitions.dag import _run_task  # `airflow tasks test` uses it too
from airflow.utils.session import create_session
from sqlalchemy import select

from penstock.airflow.run_dates import Wanted


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
