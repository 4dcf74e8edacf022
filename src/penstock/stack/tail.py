"""Reads and follows the logs of the parts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from penstock.project import Project
from penstock.stack.components import PARTS
from penstock.stack.lifecycle import EMBEDDED
from penstock.stack.on_demand import log_of
from penstock.stack.postgres.log import log_path
from penstock.stack.services import SERVICES

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
