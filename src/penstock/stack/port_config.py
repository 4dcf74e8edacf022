"""What `penstock.toml` asks of a server: its port and its settings."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.model.errors import ConnectionFailed, UsageError
from penstock.project import MARKER, Project
from penstock.stack.postgres.server import HOST
from penstock.stack.postgres.settings import Settings

PREFERRED_PORTS: Mapping[str, int] = {"source": 5433, "warehouse": 5434, "metadata": 5435, "airflow": 5884}


@dataclass(frozen=True, slots=True)
class Wishes:
    """A server's `[stack]` settings.

    Args:
        port: Taken when it is free; 0 means any.
        settings: Postgres settings, preferred to Penstock's own.
    """

    port: int
    settings: Settings


def read_wishes(project: Project, name: str) -> Wishes:
    """What the project asks of the server.

    Raises:
        UsageError: A port that is none, or a setting whose name is none.
    """
    stack = project.section("stack")
    ports, settings = stack.get("ports", {}), stack.get("postgres", {})
    if not isinstance(ports, dict) or not isinstance(settings, dict):
        raise UsageError(f"{MARKER}: stack.ports and stack.postgres must be tables")
    port = ports.get(name, PREFERRED_PORTS.get(name, 0))
    if not isinstance(port, int) or not 0 <= port < 2**16:
        raise UsageError(f"{MARKER}: stack.ports.{name} is no port: {port!r}")
    for key in settings:
        if not re.fullmatch(r"[a-z_.]+", key):
            raise UsageError(f"{MARKER}: stack.postgres.{key} is no name of a setting")
    return Wishes(port, {key: _as_setting(value) for key, value in settings.items()})


def asks_for(project: Project, name: str) -> int | None:
    """The port that the project asks for, 0 for any; None where it leaves it to Penstock.

    Raises:
        UsageError: A port that is none.
    """
    ports = project.section("stack").get("ports", {})
    return read_wishes(project, name).port if isinstance(ports, dict) and name in ports else None


def _as_setting(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def free_port(remembered: int, preferred: int) -> int:
    """The remembered port, or the next free one in steps of ten, which keeps several clones apart and readable.

    Raises:
        ConnectionFailed: Every port of this machine is taken.
    """
    steps = range(preferred, min(preferred + 200, 2**16), 10) if preferred else ()
    for port in (remembered, *steps, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Postgres does
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConnectionFailed("no port is free on this machine", hint="stop what listens here")
