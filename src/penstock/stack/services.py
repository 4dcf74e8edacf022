"""The services that a project runs on demand, by name. To add one, add a line to `SERVICES`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from penstock.model.connection import Connection
from penstock.project import Project
from penstock.stack import on_demand
from penstock.stack.on_demand import Service
from penstock.stack.postgres.server import HOST
from penstock.stack.processes import is_alive
from penstock.stack.rclone import OBJECTS
from penstock.stack.sandbox_service import SANDBOX

SERVICES: Mapping[str, Service] = {one.name: one for one in (OBJECTS, SANDBOX)}


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The status of a service.

    Args:
        state: `absent` (never started), `stopped`, `running`, or `unready` (a process that does not answer).
        port: The current or last port.
        pid: The process, if it is running.
    """

    name: str
    state: Literal["absent", "stopped", "unready", "running"]
    host: str
    port: int | None
    pid: int | None
    log: Path


def is_installed(name: str) -> bool:
    """Whether the package of this service is installed."""
    try:
        distribution(SERVICES[name].package)
    except PackageNotFoundError:
        return False
    return True


def ensure(project: Project, name: str) -> Connection:
    """Start the service of this name unless it is running, and return its connection.

    Raises:
        PenstockError: See `on_demand.ensure`.

    Example:
        connection = ensure(find_project(), "objects")
    """
    return on_demand.ensure(project, SERVICES[name])


def stop(project: Project, name: str) -> bool:
    """Stop the service of this name; return False if it was not running.

    Raises:
        PenstockError: The service's stored state is damaged.
    """
    return on_demand.stop(project, SERVICES[name])


def status(project: Project, name: str) -> ServiceStatus:
    """Return the status of the service of this name; starts nothing."""
    one = SERVICES[name]
    found = on_demand.load(project, one)
    state: Literal["absent", "stopped", "unready", "running"] = "stopped" if found.port else "absent"
    pid = None
    if found.process is not None and is_alive(found.process):
        pid = found.process.pid
        state = "running" if one.is_up(found) else "unready"
    return ServiceStatus(name, state, HOST, found.port or None, pid, on_demand.log_of(project, one))
