"""The stack's record, which the supervisor writes for other commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from penstock.project import Project, write_private
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
