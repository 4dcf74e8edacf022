"""Restart requests to the supervisor: one file per part, and a signal that wakes it."""

from __future__ import annotations

import os
import signal

from penstock.project import Project
from penstock.stack.processes import Identity, is_alive
from penstock.stack.state_file import STATE

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
