"""Runs a DAG in another process and reads its events."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import Any

import psutil

from penstock.model.errors import NothingDone, PenstockError, UsageError
from penstock.project import Project

# The state of a run without task instances; Airflow calls it a success.
EMPTY = "empty"

_KINDS: Mapping[int, type[PenstockError]] = {one.exit_code: one for one in (UsageError, NothingDone)}


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run.

    Args:
        dag_id: The DAG.
        date: The logical date of a single run; by default now.
        start: The first logical date; with `end`, both inclusive.
        task: The only task to run; by default all tasks.
        conf: Parameters of the run, as JSON.
        keep_going: Continue with the other dates after a failed run.
    """

    dag_id: str
    date: str | None = None
    start: str | None = None
    end: str | None = None
    task: str | None = None
    conf: str | None = None
    keep_going: bool = False

    def words(self) -> list[str]:
        """Return the arguments for `penstock.airflow.run_main`."""
        options = {"--date": self.date, "--from": self.start, "--to": self.end, "--task": self.task}
        options["--conf"] = self.conf
        words = [f"{name}={value}" for name, value in options.items() if value is not None]
        return [*words, *(["--keep-going"] if self.keep_going else []), "--", self.dag_id]


class DagRun:
    """A run of one DAG in a child process, which ends with the `with` block at the latest.

    For each date it yields the events `start` (with `tasks`, `logical_date` and `data_interval`), `begin` and `end` of
    each task (`task`, `state`, `seconds`, `label`, `error`, `hint`, `account`, `log`) and `done` (with `state`:
    `success`, `failed`, or `empty` if there was no task to run). The last event is `finished`. A failed task is an
    event, not an exception.

    Raises:
        PenstockError: Airflow is not installed, or the state directory is broken; while events are read, the run
            ended unexpectedly.

    Example:
        with DagRun(project, "sales_warehouse") as events:
            states = [event["state"] for event in events if event["event"] == "end"]
    """

    def __init__(self, project: Project, request: str | RunRequest) -> None:
        if find_spec("airflow") is None:
            raise PenstockError("Airflow is not installed", hint="pip install 'penstock[airflow,stack]'")
        self._request = RunRequest(request) if isinstance(request, str) else request
        self._log = project.make_state_dir("logs") / "airflow-run.log"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "penstock.airflow.run_main", "--with-parent", *self._request.words()],
            env=os.environ | {"PENSTOCK_PROJECT": str(project.root)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C goes to this process, which ends the child and its processes
        )

    def __enter__(self) -> Iterator[dict[str, Any]]:
        return self._events()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # Airflow's tasks do not end on SIGTERM. The database server rolls back what a kill interrupts.
            for child in self._children():
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            self._process.kill()
        self._process.__exit__(kind, error, trace)

    def _children(self) -> list[psutil.Process]:
        """Return the processes that tasks started, also those in other sessions; servers are not children."""
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _events(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        finished = False
        for line in self._process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == "error":
                kind = _KINDS.get(event["code"], PenstockError)
                raise kind(event["message"], hint=event["hint"])
            finished = finished or event["event"] == "finished"
            yield event
        if not finished:
            code = self._process.wait()
            raise PenstockError(
                f"the run of the DAG {self._request.dag_id} ended unexpectedly: {_ending(code)}",
                hint=f"see {self._log}",
            )


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
