"""The `[stack]` options of `penstock.toml`: Airflow's address and settings."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.model.errors import UsageError
from penstock.project import MARKER, Project
from penstock.stack.component import HANG_S
from penstock.stack.port_config import read_wishes
from penstock.stack.postgres.server import HOST

AIRFLOW = "airflow"
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
    """

    host: str = HOST
    port: int = 0
    airflow: Mapping[str, str] = field(default_factory=dict)
    seed: bool = True
    hang_s: float = HANG_S

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
    )


def _hang_s(asked: object) -> float:
    if isinstance(asked, bool) or not isinstance(asked, int | float) or asked < SHORTEST_HANG_S:
        raise UsageError(
            f"{MARKER}: invalid stack.hang_after_s {asked!r}",
            hint=f"use at least {SHORTEST_HANG_S:.0f} seconds: hang_after_s = {HANG_S:.0f}",
        )
    return float(asked)
