"""What `penstock.toml` asks of the stack as a whole: where Airflow answers, and with which settings."""

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
SHORTEST_HANG_S = 10.0  # Airflow's parts give a sign of life every 5 s


@dataclass(frozen=True, slots=True)
class Options:
    """The `[stack]` table, as far as it is not about Postgres.

    Args:
        host: The address that Airflow binds.
        port: Airflow's; 0 means any that is free.
        airflow: Airflow's settings, such as `CORE__PARALLELISM`.
        seed: Whether new servers get the table of products.
        hang_s: A part without a sign of life for so long is started again.
    """

    host: str = HOST
    port: int = 0
    airflow: Mapping[str, str] = field(default_factory=dict)
    seed: bool = True
    hang_s: float = HANG_S

    @property
    def is_local(self) -> bool:
        """Whether only this machine can call."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    @property
    def own_host(self) -> str:
        """The address under which this machine itself calls."""
        return HOST if self.host in ("0.0.0.0", "localhost") else self.host  # noqa: S104  # compared, not bound


def read_options(project: Project) -> Options:
    """What the project asks for.

    Raises:
        UsageError: A host that is no address, a port that is none, a setting whose name is none, too short a time.
    """
    stack = project.section("stack")
    host, airflow = str(stack.get("host", HOST)), stack.get("airflow", {})
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError as error:
            raise UsageError(
                f"{MARKER}: stack.host is no address: {host!r}", hint='host = "127.0.0.1"'
            ) from error
    if not isinstance(airflow, dict):
        raise UsageError(f"{MARKER}: stack.airflow must be a table")
    for name in airflow:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*__[A-Z0-9_]+", name):
            raise UsageError(
                f"{MARKER}: stack.airflow.{name} is no setting", hint="write it as CORE__PARALLELISM = 16"
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
            f"{MARKER}: stack.hang_after_s is no number of seconds from {SHORTEST_HANG_S:.0f}: {asked!r}",
            hint=f"hang_after_s = {HANG_S:.0f}",
        )
    return float(asked)
