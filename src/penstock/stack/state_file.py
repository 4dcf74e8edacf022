"""What the supervisor knows of the stack, as it writes it down for every other command to read."""

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

# Names the environment that a process and its children use.
ENVIRONMENT = "PENSTOCK_ENV"


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One part as it was last seen.

    Args:
        state: `waiting`, `starting`, `healthy` or `restarting`.
        since: When it came into this state, in seconds since 1970.
        took_s: How long its last start took.
        restarts: How often it fell and was started again.
        reason: Why it fell last.
        once: It does its work and ends.
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
        environment: The one that all parts were started with.
    """

    supervisor: Identity
    began: float
    parts: tuple[PartRecord, ...]
    environment: str | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether every part is."""
        return bool(self.parts) and all(part.state == "healthy" for part in self.parts)

    @property
    def is_supervised(self) -> bool:
        """Whether the supervisor that wrote it still runs."""
        return is_alive(self.supervisor)

    def processes(self, names: Sequence[str] | None = None) -> list[Identity]:
        """The processes of these parts, by default of all."""
        chosen = [part for part in self.parts if names is None or part.name in names]
        return [part.process for part in chosen if part.process is not None]

    def address(self, name: str) -> str | None:
        """Where the part answers."""
        return next((part.address for part in self.parts if part.name == name), None)


def save(project: Project, record: StackRecord) -> None:
    """Write the record, readable by this account alone.

    Raises:
        OSError: The disk is full.
    """
    write_private(project.make_state_dir(STATE) / FILE, json.dumps(asdict(record), indent=1) + "\n")


def load(project: Project) -> StackRecord | None:
    """The record as last written, or None where nothing was started, or a damaged one is all there is.

    Raises:
        BrokenState: It belongs to another account.
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
    """What tells the record as it lies on the disk from every other; None where there is none."""
    try:
        found = (project.state_dir / STATE / FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def forget(project: Project) -> None:
    """Remove the record: nothing of it runs any more."""
    with suppress(FileNotFoundError, NotADirectoryError):
        (project.state_dir / STATE / FILE).unlink()


def _process(found: dict[str, Any] | None) -> Identity | None:
    return None if found is None else Identity(**found)
