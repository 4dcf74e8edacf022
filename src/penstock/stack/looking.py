"""The state of each part as a user asks for it: the record, checked against what really runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from penstock.project import Project
from penstock.stack import processes, record
from penstock.stack.assembly import SERVICES
from penstock.stack.record import PartRecord, StackRecord


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part as it is now.

    Args:
        state: As in its record; `stopped`, or `unsupervised` where it runs but nobody would restart it.
        pid: Its first process.
        memory_bytes: With its children, shared pages divided among those who share them.
        address: Where it answers.
        since: When it came into this state, as ISO 8601.
        restarts: How often it fell.
        reason: Why it fell last.
    """

    name: str
    state: str
    pid: int | None = None
    memory_bytes: int | None = None
    address: str | None = None
    since: str | None = None
    restarts: int = 0
    reason: str | None = None


def look(project: Project) -> list[PartStatus]:
    """Every part, the supervisor first."""
    found = record.load(project)
    if found is None:
        return [PartStatus(name, "stopped") for name in ("supervisor", *SERVICES)]
    return [_supervisor(found), *(_part(found, part) for part in found.parts if not part.once)]


def _supervisor(found: StackRecord) -> PartStatus:
    if not found.is_supervised:
        return PartStatus("supervisor", "stopped")
    pid = found.supervisor.pid
    return PartStatus("supervisor", "healthy", pid, processes.memory_of(pid), None, _iso(found.began))


def _part(found: StackRecord, part: PartRecord) -> PartStatus:
    process = part.process
    alive = process is not None and processes.is_alive(process)
    state = part.state if found.is_supervised else "unsupervised" if alive else "stopped"
    if process is None or not alive:
        return PartStatus(part.name, state, None, None, None, None, part.restarts, part.reason)
    return PartStatus(
        part.name,
        state,
        process.pid,
        processes.memory(process),
        part.address,
        _iso(part.since),
        part.restarts,
        part.reason,
    )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
