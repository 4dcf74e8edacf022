"""What a DAG that runs in another process tells of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from penstock.model.errors import PenstockError
from penstock.project import Project


def run_dag(project: Project, dag_id: str) -> Iterator[dict[str, Any]]:
    """Run a DAG of the project through Airflow, giving its events as they come.

    They are `start` (with `tasks`), `begin` and `end` of each task (`task`, `state`, `seconds`, `error`, `account`)
    and `done` (with `state`).

    Raises:
        PenstockError: Airflow is not installed, or the run broke off; a task that fails is an event.
    """
    if find_spec("airflow") is None or find_spec("cosmos") is None:
        raise PenstockError("Airflow is not installed", hint="pip install 'penstock[airflow,dbt,stack]'")
    words = [sys.executable, "-m", "penstock.airflow.run", dag_id]
    environment = os.environ | {"PENSTOCK_PROJECT": str(project.root)}
    finished = False
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                event = _read(line)
                finished = finished or event["event"] == "done"
                yield event
        except BaseException:
            process.terminate()
            raise
    if not finished:
        raise PenstockError(
            f"running the DAG {dag_id} broke off with code {process.returncode}",
            hint=f"see {project.state_dir / 'logs' / 'airflow-run.log'}",
        )


def _read(line: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(line)
    if event["event"] == "error":
        raise PenstockError(event["message"], hint=event["hint"])
    return event
