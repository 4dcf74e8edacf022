"""Port and settings of a server in `penstock.toml`."""

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
        port: Preferred port; 0 for any free port.
        settings: Postgres settings, which override Penstock's own.
    """

    port: int
    settings: Settings


def read_wishes(project: Project, name: str) -> Wishes:
    """Read the project's settings for the server.

    Raises:
        UsageError: The port or the name of a setting is invalid.
    """
    stack = project.section("stack")
    ports, settings = stack.get("ports", {}), stack.get("postgres", {})
    if not isinstance(ports, dict) or not isinstance(settings, dict):
        raise UsageError(
            f"{MARKER}: stack.ports or stack.postgres is not a table",
            hint="write sections [stack.ports] and [stack.postgres]",
        )
    port = ports.get(name, PREFERRED_PORTS.get(name, 0))
    if not isinstance(port, int) or not 0 <= port < 2**16:
        raise UsageError(
            f"{MARKER}: invalid port stack.ports.{name}: {port!r}", hint="use a number from 0 to 65535"
        )
    for key in settings:
        if not re.fullmatch(r"[a-z_.]+", key):
            raise UsageError(f"{MARKER}: invalid setting name stack.postgres.{key}")
    return Wishes(port, {key: _as_setting(value) for key, value in settings.items()})


def asks_for(project: Project, name: str) -> int | None:
    """Return the port that the project sets, 0 for any; None if it sets none.

    Raises:
        UsageError: The port is invalid.
    """
    ports = project.section("stack").get("ports", {})
    return read_wishes(project, name).port if isinstance(ports, dict) and name in ports else None


def _as_setting(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def free_port(remembered: int, preferred: int) -> int:
    """Return the stored port, or the next free one in steps of ten, so that ports of several clones stay readable.

    Raises:
        ConnectionFailed: Every port of this machine is in use.
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
    raise ConnectionFailed("no free port on this machine", hint="stop a program that listens on one")
