"""Pools of `airflow_settings.yaml` on a running stack: they exist, limit tasks, and follow the file."""

from __future__ import annotations

from typing import Any

import pytest
from tests.acceptance.stacks import Airflow, penstock

from penstock.project import Project

DAG = """
from airflow.sdk import DAG, task

with DAG("narrow", schedule=None, is_paused_upon_creation=False):
    @task(pool="counter")
    def serve(number):
        import time
        time.sleep(1)
    serve.expand(number=[1, 2, 3])
"""
SETTINGS = """
airflow:
  pools:
    - pool_name: counter
      pool_slot: {slots}
      pool_description: one at a time
"""


def start(project: Project, slots: int) -> Airflow:
    (project.root / "airflow_settings.yaml").write_text(SETTINGS.format(slots=slots))
    started = penstock(project, "start")
    assert started.returncode == 0, started.stdout + started.stderr
    return Airflow(project)


def at_once(airflow: Airflow) -> int:
    """How many tasks of a run worked at the same time, at most."""
    run = airflow.trigger("narrow")
    assert run["state"] == "success"
    found: list[dict[str, Any]] = airflow.ask(f"dags/narrow/dagRuns/{run['dag_run_id']}/taskInstances")[
        "task_instances"
    ]
    assert {one["pool"] for one in found} == {"counter"}
    times: list[tuple[str, str]] = [(one["start_date"], one["end_date"]) for one in found]
    return max(sum(begin <= moment < end for begin, end in times) for moment, _ in times)


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_pools_hold_tasks_back_and_follow_the_file(project: Project) -> None:
    (project.root / "dags").mkdir()
    (project.root / "dags" / "narrow.py").write_text(DAG)
    airflow = start(project, slots=1)
    pool = airflow.ask("pools/counter")
    assert (pool["slots"], pool["description"]) == (1, "one at a time")
    assert at_once(airflow) == 1

    assert penstock(project, "stop").returncode == 0
    airflow = start(project, slots=3)
    assert airflow.ask("pools/counter")["slots"] == 3
    assert at_once(airflow) > 1
