"""Starts, stops and resets the stack, whatever state the previous stack was left in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from penstock.model.errors import ConnectionFailed, PenstockError, UsageError
from penstock.project import Project
from penstock.stack import airflow_credentials, on_demand, processes, rclone, services, state_file
from penstock.stack.airflow_credentials import require_safe
from penstock.stack.airflow_env import METADATA, RUN_LOCK
from penstock.stack.lock import locked
from penstock.stack.port_config import AIRFLOW, read_options, require_free
from penstock.stack.postgres import manage, server
from penstock.stack.postgres.binaries import bundled_programs
from penstock.stack.process_runner import last_line
from penstock.stack.state_file import ENVIRONMENT, StackRecord, recall, request_restart
from penstock.state_dir import open_file

EMBEDDED = (METADATA, *manage.SERVERS)
START_TIMEOUT_S, STOP_TIMEOUT_S = 180.0, 15.0
GRACE_S = 2.0
FALLS = 3  # number of failures of a part after which `start` gives up
_POLL_S = 0.1
START_LOCK = (state_file.STATE, "start.lock")  # held while the stack is started or reset

OnChange = Callable[[StackRecord], None]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The state found by `begin`.

    Args:
        already: Whether the stack was running.
        recovered: Parts that a crashed supervisor had left running, now stopped.
    """

    already: bool
    recovered: tuple[str, ...] = ()


def begin(project: Project) -> Beginning:
    """Start the supervisor, unless it is running. Idempotent, and safe for concurrent callers.

    Raises:
        ConnectionFailed: Airflow's port is in use, or a server's data is unreadable.
        UsageError: The configuration is invalid, or the stack is running in another environment.
        PenstockError: Airflow or Postgres is not installed, or a supervisor hangs.
    """
    _require_installed()
    with locked(project, *START_LOCK):
        found = recall(project)
        if found is not None and found.is_supervised:
            _require_recorded(project, found)
            _require_same_environment(found)
            return Beginning(already=True)
        recovered = _end_left(found)  # running servers may be in use, and need no restart
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
    """Wait until every part is healthy, and call `on_change` with each new record.

    Raises:
        PenstockError: A part does not start, or the supervisor ended.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    before: dict[str, int] = {}
    while True:
        found = recall(project)
        if found is None or not found.is_supervised:
            raise PenstockError(
                "the stack's supervisor ended", hint=f"see {project.state_dir}/logs/supervisor.log"
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
            raise PenstockError(f"not healthy after {START_TIMEOUT_S:.0f} s: {late}", hint="penstock logs")
        time.sleep(_POLL_S)


def stop(project: Project) -> bool:
    """Stop everything; return False if nothing was running. Ends running tasks and rolls back open transactions.

    Raises:
        PenstockError: A process did not end.
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
        _end_everything(project, found)  # in case the supervisor was killed
        return True
    return _end_everything(project, found)


def restart(project: Project, part: str) -> float:
    """Have the supervisor restart one part; return the seconds until it was healthy.

    Raises:
        ConnectionFailed: The stack is not running.
        PenstockError: The part does not start again.
    """
    found = running(project)
    began, clock = time.time(), time.monotonic()
    request_restart(project, found.supervisor, part)
    while not any(one.name == part and one.since > began for one in running(project).parts):
        time.sleep(_POLL_S)
    follow(project, lambda _: None)
    return time.monotonic() - clock


def _end_left(found: StackRecord | None) -> tuple[str, ...]:
    """End the Airflow processes that a crashed supervisor left; return their names."""
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
    with os.fdopen(open_file(path, os.O_WRONLY | os.O_TRUNC), "wb") as log:
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
            f"the stack's record is damaged, and its supervisor (process {found.supervisor.pid}) hangs",
            hint="run penstock stop, then penstock start",
        )


def _require_same_environment(found: StackRecord) -> None:
    asked = os.environ.get(ENVIRONMENT)
    if asked != found.environment:
        raise UsageError(
            f"the stack is running in {_named(found.environment)}, not in {_named(asked)}",
            hint=f"penstock --env {asked} restart" if asked else "run penstock stop, then penstock start",
        )


def _named(environment: str | None) -> str:
    return f"the environment {environment}" if environment else "no environment"


def _require_installed() -> None:
    bundled_programs()
    if find_spec("airflow") is None:
        raise PenstockError("Airflow is not installed", hint="pip install 'penstock[airflow,stack]'")


def require_unwatched(project: Project, names: Collection[str]) -> None:
    """Check that the running stack does not supervise any of these servers.

    Raises:
        UsageError: The stack would restart one of them.
    """
    found = recall(project)
    watched = {part.name for part in found.parts} if found is not None and found.is_supervised else set()
    if names := [name for name in names if name in watched]:
        raise UsageError(
            f"the running stack would restart {' and '.join(names)}",
            hint=f"penstock stop to stop everything, or penstock restart {names[0]}",
        )


def running(project: Project) -> StackRecord:
    """Return the record of the running stack.

    Raises:
        ConnectionFailed: The stack is not running.
    """
    found = recall(project)
    if found is None or not found.is_supervised:
        raise ConnectionFailed("the stack is not running", hint="penstock start")
    return found


# The keys of the environments stay, because their secrets would be lost.
FOLDERS = (
    server.STATE,
    on_demand.STATE,
    rclone.FOLDER,
    airflow_credentials.STATE,
    state_file.STATE,
    "logs",
    "dbt",
)


def reset(project: Project) -> int:
    """Stop the stack and remove its state; return the number of freed bytes.

    Raises:
        PenstockError: A DAG is running, or a process did not stop. Nothing was removed.
    """
    with locked(project, *RUN_LOCK, busy=_refuse), locked(project, *START_LOCK):
        stop(project)
        homes = [found.home for name in EMBEDDED if (found := server.recall(project, name)) is not None]
        folders = [*homes, *(project.state_dir / name for name in FOLDERS)]
        freed = sum(_bytes(folder) for folder in folders if folder.is_dir())
        for folder in folders:
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
            else:
                folder.unlink(missing_ok=True)  # in case it is a file
    return freed


def _refuse(holder: str) -> None:
    raise PenstockError(
        f"{holder} is running a DAG, whose data and log would be removed",
        hint="wait until it ends or stop it (Ctrl-C), then run penstock reset",
    )


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
