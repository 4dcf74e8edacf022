"""What a DAG that runs in another process tells of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from types import TracebackType
from typing import Any

from penstock.model.errors import PenstockError
from penstock.project import Project


class DagRun:
    """A run of one DAG through Airflow, in a process that begins with the `with` block and ends with it at the latest.

    Its events are `start` (with `tasks`), `begin` and `end` of each task (`task`, `state`, `seconds`, `error`,
    `account`) and `done` (with `state`). A task that fails is an event.

    Raises:
        PenstockError: Airflow is not installed; while events are read, that the run broke off.

    Example:
        with DagRun(project, "sales_warehouse") as events:
            states = [event["state"] for event in events if event["event"] == "end"]
    """

    def __init__(self, project: Project, dag_id: str) -> None:
        if find_spec("airflow") is None or find_spec("cosmos") is None:
            raise PenstockError("Airflow is not installed", hint="pip install 'penstock[airflow,dbt,stack]'")
        self._dag_id = dag_id
        self._log = project.state_dir / "logs" / "airflow-run.log"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "penstock.airflow.run", dag_id, "--with-parent"],
            env=os.environ | {"PENSTOCK_PROJECT": str(project.root)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Iterator[dict[str, Any]]:
        return self._events()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # Airflow's tasks take SIGTERM as a wish and go on. What a kill interrupts is rolled back by the server.
            self._process.kill()
        self._process.__exit__(kind, error, trace)

    def _events(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        finished = False
        for line in self._process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == "error":
                raise PenstockError(event["message"], hint=event["hint"])
            finished = finished or event["event"] == "done"
            yield event
        if not finished:
            code = self._process.wait()
            raise PenstockError(
                f"the run of the DAG {self._dag_id} broke off, code {code}", hint=f"see {self._log}"
            )
