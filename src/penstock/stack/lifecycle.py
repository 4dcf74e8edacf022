"""Starts and stops the stack from outside, whatever state the last one was left in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.util import find_spec

from penstock.model.errors import ConnectionFailed, PenstockError, UsageError
from penstock.project import Project
from penstock.stack import processes, services, state_file
from penstock.stack.airflow_credentials import require_safe
from penstock.stack.airflow_env import METADATA
from penstock.stack.config import AIRFLOW, read_options
from penstock.stack.lock import locked
from penstock.stack.ports import require_free
from penstock.stack.postgres import manage
from penstock.stack.postgres.binaries import bundled_programs
from penstock.stack.process_runner import last_line
from penstock.stack.recall import recall
from penstock.stack.restart_requests import request_restart
from penstock.stack.state_file import ENVIRONMENT, StackRecord

EMBEDDED = (METADATA, *manage.SERVERS)
START_TIMEOUT_S, STOP_TIMEOUT_S = 180.0, 15.0
GRACE_S = 2.0
FALLS = 3  # so often a part may fall before `start` gives up
_POLL_S = 0.1
START_LOCK = (state_file.STATE, "start.lock")  # held by whoever starts or resets the stack

OnChange = Callable[[StackRecord], None]


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a start began.

    Args:
        already: The stack was running.
        recovered: Parts that a supervisor left behind which was killed, or lost its power.
    """

    already: bool
    recovered: tuple[str, ...] = ()


def begin(project: Project) -> Beginning:
    """Start the supervisor, unless it runs. Idempotent, and safe when several callers do it at once.

    Raises:
        ConnectionFailed: Airflow's port is taken, or a server's data cannot be read.
        UsageError: The project asks for what is refused, or the stack runs in another environment.
        PenstockError: Airflow or Postgres is not installed, or a supervisor hangs.
    """
    _require_installed()
    with locked(project, *START_LOCK):
        found = recall(project)
        if found is not None and found.is_supervised:
            _require_recorded(project, found)
            _require_same_environment(found)
            return Beginning(already=True)
        recovered = _end_left(found)  # servers that run may be in use, and need no start
        for name in EMBEDDED:
            manage.require_readable(project, name)
        options = read_options(project)
        require_safe(project, options)
        if options.port:
            require_free(options.host, options.port, f"[stack.ports] {AIRFLOW}")
        state_file.forget(project)
        _spawn(project)
    return Beginning(already=False, recovered=recovered)


def follow(project: Project, on_change: OnChange) -> StackRecord:
    """Wait until every part is healthy, telling of each change.

    Raises:
        PenstockError: A part does not come up, or the supervisor ended.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    before: dict[str, int] = {}
    while True:
        found = recall(project)
        if found is None or not found.is_supervised:
            raise PenstockError(
                "the supervisor of the stack ended", hint=f"see {project.state_dir}/logs/supervisor.log"
            )
        on_change(found)
        if found.is_healthy:
            return found
        before = before or {part.name: part.restarts for part in found.parts}
        for part in found.parts:
            if part.restarts - before[part.name] >= FALLS and part.state != "healthy":
                raise PenstockError(
                    f"{part.name} does not start: {part.reason}", hint=f"penstock logs {part.name}"
                )
        if time.monotonic() > deadline:
            late = ", ".join(part.name for part in found.parts if part.state != "healthy")
            raise PenstockError(f"not up after {START_TIMEOUT_S:.0f} s: {late}", hint="penstock logs")
        time.sleep(_POLL_S)


def stop(project: Project) -> bool:
    """Stop everything; False where nothing ran. Running tasks are ended, open transactions rolled back.

    Raises:
        PenstockError: Something would not end.
    """
    found = recall(project)
    if found is not None and found.is_supervised:
        os.kill(found.supervisor.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while found.is_supervised:
            if time.monotonic() > deadline:
                os.kill(found.supervisor.pid, signal.SIGKILL)
                break
            time.sleep(_POLL_S / 2)
        _end_everything(project, found)  # what is left if it was killed
        return True
    return _end_everything(project, found)


def restart(project: Project, part: str) -> float:
    """Have the supervisor restart one part; the seconds until it was healthy again.

    Raises:
        ConnectionFailed: The stack does not run.
        PenstockError: It does not come up again.
    """
    found = running(project)
    began, clock = time.time(), time.monotonic()
    request_restart(project, found.supervisor, part)
    while not any(one.name == part and one.since > began for one in running(project).parts):
        time.sleep(_POLL_S)
    follow(project, lambda _: None)
    return time.monotonic() - clock


def _end_left(found: StackRecord | None) -> tuple[str, ...]:
    """End what a dead supervisor left of Airflow, and say what that was."""
    left = [part for part in (found.parts if found else ()) if part.name not in EMBEDDED]
    alive = tuple(part.name for part in left if part.process is not None and processes.family(part.process))
    processes.end([part.process for part in left if part.process is not None], GRACE_S)
    return alive


def _end_everything(project: Project, found: StackRecord | None) -> bool:
    ended = _end_left(found)
    stopped = [name for name in services.SERVICES if services.stop(project, name)]
    stopped += [name for name in EMBEDDED if manage.stop(project, name)]
    state_file.forget(project)
    return bool(ended or stopped)


def _spawn(project: Project) -> None:
    path = project.make_state_dir("logs") / "supervisor.log"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock.stack.supervisor"],
            env=os.environ | {"PENSTOCK_PROJECT": str(project.root)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while state_file.load(project) is None:
        if process.poll() is not None:
            raise PenstockError(f"the supervisor ended: {last_line(path)}", hint=f"see {path}")
        time.sleep(_POLL_S / 2)


def _require_recorded(project: Project, found: StackRecord) -> None:
    if state_file.load(project) is None:
        raise PenstockError(
            f"the record of the stack is damaged, and its supervisor (process {found.supervisor.pid}) hangs",
            hint="penstock stop ends what runs, then penstock start",
        )


def _require_same_environment(found: StackRecord) -> None:
    asked = os.environ.get(ENVIRONMENT)
    if asked != found.environment:
        raise UsageError(
            f"the stack runs in {_named(found.environment)}, not in {_named(asked)}",
            hint=f"penstock --env {asked} restart" if asked else "penstock stop, then penstock start",
        )


def _named(environment: str | None) -> str:
    return f"the environment {environment}" if environment else "no environment"


def _require_installed() -> None:
    bundled_programs()
    if find_spec("airflow") is None:
        raise PenstockError("Airflow is not installed", hint="pip install 'penstock[airflow,stack]'")


def require_unwatched(project: Project, names: Collection[str]) -> None:
    """Make sure that none of these is a part that the running stack would start again.

    Raises:
        UsageError: One is.
    """
    found = recall(project)
    watched = {part.name for part in found.parts} if found is not None and found.is_supervised else set()
    if names := [name for name in names if name in watched]:
        raise UsageError(
            f"the stack runs, and would start {' and '.join(names)} again",
            hint=f"penstock stop, which stops everything, or penstock restart {names[0]}",
        )


def running(project: Project) -> StackRecord:
    """The record of the running stack.

    Raises:
        ConnectionFailed: It does not run.
    """
    found = recall(project)
    if found is None or not found.is_supervised:
        raise ConnectionFailed("the stack does not run", hint="penstock start")
    return found
