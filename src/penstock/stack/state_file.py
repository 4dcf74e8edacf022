"""The stack's record, which the supervisor writes, and restart requests to it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from penstock.project import Project, write_private
from penstock.stack import processes
from penstock.stack.components import PARTS
from penstock.stack.processes import Identity, is_alive
from penstock.state_dir import broken_state

STATE = "stack"
FILE = "record.json"

# The variable with the environment of a process and its children.
ENVIRONMENT = "PENSTOCK_ENV"


@dataclass(frozen=True, slots=True)
class PartRecord:
    """The last known state of one part.

    Args:
        state: `waiting`, `starting`, `healthy` or `restarting`.
        since: When the part entered this state, in seconds since 1970.
        took_s: Duration of the last start in seconds.
        restarts: Number of restarts after a failure.
        reason: Reason of the last failure.
        once: Whether the part does its work and exits.
    """

    name: str
    state: str
    since: float
    process: Identity | None = None
    address: str | None = None
    took_s: float | None = None
    restarts: int = 0
    reason: str | None = None
    once: bool = False


@dataclass(frozen=True, slots=True)
class StackRecord:
    """The supervisor and its parts.

    Args:
        environment: The environment of all parts.
    """

    supervisor: Identity
    began: float
    parts: tuple[PartRecord, ...]
    environment: str | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether every part is healthy."""
        return bool(self.parts) and all(part.state == "healthy" for part in self.parts)

    @property
    def is_supervised(self) -> bool:
        """Whether the supervisor that wrote the record is still running."""
        return is_alive(self.supervisor)

    def processes(self, names: Sequence[str] | None = None) -> list[Identity]:
        """Return the processes of these parts, by default of all."""
        chosen = [part for part in self.parts if names is None or part.name in names]
        return [part.process for part in chosen if part.process is not None]

    def address(self, name: str) -> str | None:
        """Return the address of the part."""
        return next((part.address for part in self.parts if part.name == name), None)


def save(project: Project, record: StackRecord) -> None:
    """Write the record, readable by this account only.

    Raises:
        OSError: The disk is full.
    """
    write_private(project.make_state_dir(STATE) / FILE, json.dumps(asdict(record), indent=1) + "\n")


def load(project: Project) -> StackRecord | None:
    """Load the record; None if it is missing or damaged.

    Raises:
        BrokenState: The record belongs to another account.
    """
    try:
        found = json.loads((project.state_dir / STATE / FILE).read_text(encoding="utf-8"))
        parts = tuple(PartRecord(**{**part, "process": _process(part["process"])}) for part in found["parts"])
        return StackRecord(Identity(**found["supervisor"]), found["began"], parts, found["environment"])
    except PermissionError as error:
        raise broken_state(error) from error
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def stamp(project: Project) -> tuple[int, int] | None:
    """Return a stamp of the record file that changes with every write; None if it is missing."""
    try:
        found = (project.state_dir / STATE / FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def forget(project: Project) -> None:
    """Remove the record, because nothing is running any more."""
    with suppress(FileNotFoundError, NotADirectoryError):
        (project.state_dir / STATE / FILE).unlink()


def _process(found: dict[str, Any] | None) -> Identity | None:
    return None if found is None else Identity(**found)


SUPERVISOR = "supervisor"
WRITTEN_ANEW_S = 5.0  # a live supervisor checks its record every second
_NOBODY = Identity(0, "")
_POLL_S = 0.1


def recall(project: Project) -> StackRecord | None:
    """Return the stack's record. If it is missing or damaged, find running processes by the logs they write to.

    Waits for a live supervisor to write its record again. Returns None if nothing is running.

    Raises:
        BrokenState: The state belongs to another account.
    """
    deadline = time.monotonic() + WRITTEN_ANEW_S
    while (found := load(project)) is None:
        left = list(processes.leaders_writing_to(project.state_dir / "logs"))
        supervisor = next((one for name, one in left if name == SUPERVISOR), None)
        if supervisor is None or time.monotonic() > deadline:
            parts = [PartRecord(name, "left", 0.0, one) for name, one in left if name in PARTS]
            return StackRecord(supervisor or _NOBODY, 0.0, tuple(parts)) if supervisor or parts else None
        time.sleep(_POLL_S)
    return found


_FOLDER = "restart"


def request_restart(project: Project, supervisor: Identity, part: str) -> None:
    """Request the restart of a part."""
    (project.make_state_dir(STATE, _FOLDER) / part).touch(mode=0o600)
    if is_alive(supervisor):
        os.kill(supervisor.pid, signal.SIGUSR1)


def taken_requests(project: Project) -> list[str]:
    """Take the pending requests and return the parts to restart."""
    folder = project.state_dir / STATE / _FOLDER
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in found:
        path.unlink(missing_ok=True)
    return [path.name for path in found]
