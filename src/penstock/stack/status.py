"""The status of each part, and the logs of the parts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from penstock.project import Project
from penstock.stack import processes, services
from penstock.stack.components import LASTING, PARTS
from penstock.stack.lifecycle import EMBEDDED
from penstock.stack.on_demand import log_of
from penstock.stack.postgres.server import log_path
from penstock.stack.processes import Everyone
from penstock.stack.services import SERVICES
from penstock.stack.state_file import PartRecord, StackRecord, recall


@dataclass(frozen=True, slots=True)
class PartStatus:
    """The current status of one part.

    Args:
        state: The state in the record; or `stopped`; or `unsupervised` if it runs without a supervisor. A service is
            `healthy` or `hanging`.
        pid: The main process.
        memory_bytes: Memory including child processes; shared pages are divided among the processes.
        address: Address of the part.
        since: When the part entered this state, in ISO 8601.
        restarts: Number of failures.
        reason: Reason of the last failure.
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
    """Return the status of every part, the supervisor first, then of the running services."""
    found = recall(project)
    running = [one for name in services.SERVICES if (one := _service(project, name)) is not None]
    if found is None:
        return [*(PartStatus(name, "stopped") for name in ("supervisor", *LASTING)), *running]
    everyone = processes.everyone()
    parts = [_part(found, part, everyone) for part in found.parts if not part.once]
    return [_supervisor(found, everyone), *parts, *running]


def _service(project: Project, name: str) -> PartStatus | None:
    """Return the status of a service. Services are not supervised; they start on demand."""
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
    # Includes the forkserver of Airflow's processes.
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


_POLL_S = 0.3
_LINE_BYTES = 500  # assumed length of a line, to estimate how much to read


def log_files(project: Project) -> Mapping[str, Path]:
    """Return the paths of the logs of all parts, the supervisor and the services."""
    folder = project.state_dir / "logs"
    parts = {
        name: log_path(project, name) if name in EMBEDDED else folder / f"{name}.log"
        for name in ("supervisor", *PARTS)
    }
    return parts | {name: log_of(project, service) for name, service in SERVICES.items()}


class Reader:
    """Yields the lines of several logs.

    Args:
        files: Paths by name of the part; missing files may appear later.
        last: Number of initial lines per log.
    """

    def __init__(self, files: Mapping[str, Path], last: int) -> None:
        self._files = files
        self._last = last
        self._places: dict[str, int] = {}
        self._rests: dict[str, bytes] = {}

    def lines(self, *, follow: bool) -> Iterator[tuple[str, str]]:
        """Yield pairs of part and line; with `follow`, endlessly."""
        for name, path in self._files.items():
            for line in self._tail(name, path):
                yield name, line
        while follow:
            for name, path in self._files.items():
                for line in self._more(name, path):
                    yield name, line
            time.sleep(_POLL_S)

    def _tail(self, name: str, path: Path) -> list[str]:
        self._places[name] = max(0, _size(path) - self._last * _LINE_BYTES)
        lines = self._more(name, path)
        return lines[-self._last :] if self._last else []

    def _more(self, name: str, path: Path) -> list[str]:
        if _size(path) < self._places[name]:  # the log was replaced
            self._places[name] = 0
        try:
            with path.open("rb") as log:
                log.seek(self._places[name])
                found = log.read()
                self._places[name] = log.tell()
        except FileNotFoundError:
            return []
        *lines, rest = (self._rests.get(name, b"") + found).split(b"\n")
        self._rests[name] = rest
        return [line.decode(errors="replace") for line in lines]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
