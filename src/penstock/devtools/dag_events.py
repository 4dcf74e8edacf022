"""What a DAG that runs in another process tells of itself."""

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

# The state of a run in which no task was there to run; Airflow calls it a success.
EMPTY = "empty"

_KINDS: Mapping[int, type[PenstockError]] = {one.exit_code: one for one in (UsageError, NothingDone)}


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run of a DAG.

    Args:
        dag_id: The DAG.
        date: The logical date of one run; by default now.
        start: With `end`, the logical dates to run through, both included.
        task: The one task to run; by default all.
        conf: The run's parameters, as JSON.
        keep_going: Run the other dates after one that failed.
    """

    dag_id: str
    date: str | None = None
    start: str | None = None
    end: str | None = None
    task: str | None = None
    conf: str | None = None
    keep_going: bool = False

    def words(self) -> list[str]:
        """For the command line of `penstock.airflow.run_main`."""
        options = {"--date": self.date, "--from": self.start, "--to": self.end, "--task": self.task}
        options["--conf"] = self.conf
        words = [f"{name}={value}" for name, value in options.items() if value is not None]
        return [*words, *(["--keep-going"] if self.keep_going else []), "--", self.dag_id]


class DagRun:
    """A run of one DAG through Airflow, in a process that begins with the `with` block and ends with it at the latest.

    Its events are, for each date, `start` (with `tasks`, `logical_date` and `data_interval`), `begin` and `end` of each
    task (`task`, `state`, `seconds`, `label`, `error`, `hint`, `account`, `log`) and `done` (with `state`: `success`,
    `failed`, or `empty` where no task was there to run); then `finished`. A task that fails is an event.

    Raises:
        PenstockError: Airflow is not installed, the state directory is broken; while events are read, that the run
            broke off.

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
            start_new_session=True,  # Ctrl-C is for this process, which ends the other and all that it started
        )

    def __enter__(self) -> Iterator[dict[str, Any]]:
        return self._events()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # Airflow's tasks take SIGTERM as a wish and go on. What a kill interrupts is rolled back by the server.
            for child in self._children():
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            self._process.kill()
        self._process.__exit__(kind, error, trace)

    def _children(self) -> list[psutil.Process]:
        """What tasks started: a shell of theirs has a session of its own. Servers do not hang on the run."""
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
                f"the run of the DAG {self._request.dag_id} broke off, {_ending(code)}",
                hint=f"see {self._log}",
            )


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"code {code}"
