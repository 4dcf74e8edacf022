"""Ports and settings in `penstock.toml`, and checks of who uses a port."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from penstock.model.errors import ConnectionFailed, UsageError
from penstock.project import MARKER, Project
from penstock.stack.component import HANG_S
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


def require_free(host: str, port: int, setting: str) -> None:
    """Check that the port can be bound.

    Args:
        setting: The setting of the port, such as `[stack.ports] airflow`, for the hint.

    Raises:
        ConnectionFailed: The port is in use; the message names the process.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConnectionFailed(
                f"port {port} on {host} is in use by {_holder(port)}"
                if error.errno == errno.EADDRINUSE
                else f"cannot bind {host}:{port}: {error.strerror}",
                hint=f"stop that process, or choose another port in penstock.toml: {setting} = {port + 10}",
            ) from error


def _holder(port: int) -> str:
    try:
        for one in psutil.net_connections(kind="tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                words = psutil.Process(one.pid).cmdline()
                return f"process {one.pid} ({' '.join(words).strip()[:80]})"
    except psutil.Error:
        pass
    return "a process of another account"


AIRFLOW = "airflow"
ALLOWED_HOSTS = "PENSTOCK_ALLOWED_HOSTS"  # variable of the API server
LOOPBACK_NAMES = ("localhost", HOST, "::1")
SHORTEST_HANG_S = 10.0  # Airflow's processes send a heartbeat every 5 s


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the `[stack]` table, except those for Postgres.

    Args:
        host: The address that Airflow listens on.
        port: Airflow's port; 0 for any free port.
        airflow: Airflow's settings, such as `CORE__PARALLELISM`.
        seed: Whether new servers get the table of products.
        hang_s: A part without a heartbeat for this many seconds is restarted.
        hosts: Further names under which Airflow answers, such as that of a proxy.
    """

    host: str = HOST
    port: int = 0
    airflow: Mapping[str, str] = field(default_factory=dict)
    seed: bool = True
    hang_s: float = HANG_S
    hosts: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    @property
    def own_host(self) -> str:
        """The address that this machine uses to connect."""
        return HOST if self.host in ("0.0.0.0", "localhost") else self.host  # noqa: S104  # compared, not bound


def read_options(project: Project) -> Options:
    """Read the options from the project's configuration.

    Raises:
        UsageError: The host, the port, the name of a setting, or the time is invalid.
    """
    stack = project.section("stack")
    host, airflow = str(stack.get("host", HOST)), stack.get("airflow", {})
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError as error:
            raise UsageError(
                f"{MARKER}: invalid stack.host {host!r}", hint='use an address: host = "127.0.0.1"'
            ) from error
    if not isinstance(airflow, dict):
        raise UsageError(f"{MARKER}: stack.airflow is not a table", hint="write a section [stack.airflow]")
    for name in airflow:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*__[A-Z0-9_]+", name):
            raise UsageError(
                f"{MARKER}: invalid setting name stack.airflow.{name}",
                hint="use a name such as CORE__PARALLELISM = 16",
            )
    return Options(
        host,
        read_wishes(project, AIRFLOW).port,
        {name: str(value) for name, value in airflow.items()},
        bool(stack.get("seed", True)),
        _hang_s(stack.get("hang_after_s", HANG_S)),
        _hosts(stack.get("hosts", [])),
    )


def _hosts(asked: object) -> tuple[str, ...]:
    if not isinstance(asked, list) or not all(isinstance(name, str) and name for name in asked):
        raise UsageError(f"{MARKER}: invalid stack.hosts {asked!r}", hint='use a list: hosts = ["my.proxy"]')
    return tuple(name.lower() for name in asked)


def _hang_s(asked: object) -> float:
    if isinstance(asked, bool) or not isinstance(asked, int | float) or asked < SHORTEST_HANG_S:
        raise UsageError(
            f"{MARKER}: invalid stack.hang_after_s {asked!r}",
            hint=f"use at least {SHORTEST_HANG_S:.0f} seconds: hang_after_s = {HANG_S:.0f}",
        )
    return float(asked)
