"""The state of each part as a user asks for it: the record, checked against what really runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from penstock.project import Project
from penstock.stack import processes, services
from penstock.stack.components import LASTING
from penstock.stack.processes import Everyone
from penstock.stack.recall import recall
from penstock.stack.state_file import PartRecord, StackRecord


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part as it is now.

    Args:
        state: As in its record; `stopped`, or `unsupervised` where it runs but nobody would restart it. A service
            is `healthy` or `hanging`.
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
    """Every part, the supervisor first, then the services that run."""
    found = recall(project)
    running = [one for name in services.SERVICES if (one := _service(project, name)) is not None]
    if found is None:
        return [*(PartStatus(name, "stopped") for name in ("supervisor", *LASTING)), *running]
    everyone = processes.everyone()
    parts = [_part(found, part, everyone) for part in found.parts if not part.once]
    return [_supervisor(found, everyone), *parts, *running]


def _service(project: Project, name: str) -> PartStatus | None:
    """A service, which is nobody's to restart: what needs it starts it."""
    found = services.status(project, name)
    if found.pid is None:
        return None
    state = "healthy" if found.state == "running" else "hanging"
    try:
        began = psutil.Process(found.pid).create_time()
    except psutil.NoSuchProcess:
        return None
    return PartStatus(
        name,
        state,
        found.pid,
        processes.memory_of(found.pid),
        f"{found.host}:{found.port}",
        _iso(began),
    )


def _supervisor(found: StackRecord, everyone: Everyone) -> PartStatus:
    if not found.is_supervised:
        return PartStatus("supervisor", "stopped")
    # With the process that it has Airflow's parts forked from.
    held = processes.memory(found.supervisor, everyone, without=found.processes())
    return PartStatus("supervisor", "healthy", found.supervisor.pid, held, None, _iso(found.began))


def _part(found: StackRecord, part: PartRecord, everyone: Everyone) -> PartStatus:
    process = part.process
    alive = process is not None and processes.is_alive(process)
    state = part.state if found.is_supervised else "unsupervised" if alive else "stopped"
    if process is None or not alive:
        return PartStatus(part.name, state, None, None, None, None, part.restarts, part.reason)
    return PartStatus(
        part.name,
        state,
        process.pid,
        processes.memory(process, everyone),
        part.address,
        _iso(part.since) if part.since else None,
        part.restarts,
        part.reason,
    )


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
