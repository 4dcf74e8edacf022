"""What a landing needs to call an API: address, key and permits."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from penstock import lookup
from penstock.environments.url_policy import allowed, base_url, keeps_credentials
from penstock.lookup.connections import find
from penstock.model.api import ApiPlan, Auth
from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed, UsageError
from penstock.ports import Permits
from penstock.rest.fetch import Entrance
from penstock.rest.hosts import Credential, Way

WAREHOUSE = "warehouse"


@contextmanager
def entered(plan: ApiPlan) -> Iterator[tuple[ApiPlan, Entrance]]:
    """Yield the plan, with the connection's `auth` if it has none of its own, and what is needed to call the API.

    Raises:
        ConnectionFailed: The connection or the key is missing.
    """
    connection = find(plan.connection, "http")
    plan = _with_auth(plan, connection)
    key = _find_key(plan, connection)
    credential = Credential(plan.auth or Auth(), connection, key)
    with ExitStack() as stack:
        permits = _open_permits(plan, connection, key)
        if permits is not None:
            stack.enter_context(closing(permits))
        yield plan, Entrance(credential, _way_of(connection), permits)


def _way_of(connection: Connection) -> Way:
    """Return the connection's service, and the rules for its addresses and its key."""
    return Way(
        base_url(connection),
        lambda url: allowed(url, connection),
        lambda url: keeps_credentials(url, connection),
    )


def _with_auth(plan: ApiPlan, connection: Connection) -> ApiPlan:
    """Return the plan with the connection's `auth`, unless it has its own."""
    declared = connection.extra.get("auth")
    return replace(plan, auth=Auth.parse(declared)) if plan.auth is None and declared else plan


def _find_key(plan: ApiPlan, connection: Connection) -> Secret | None:
    """Return the API's key, from a variable or the connection."""
    if plan.auth is None or plan.auth.variable is None:
        return connection.password
    found = lookup.find_variable(plan.auth.variable)
    if not found:
        raise ConnectionFailed(
            f"unknown variable {plan.auth.variable!r}, which should hold the key",
            hint=f"penstock variable set {plan.auth.variable} --secret",
        )
    return Secret(found)


def _open_permits(plan: ApiPlan, connection: Connection, key: Secret | None) -> Permits | None:
    """Open the limit where all processes that share it can reach it."""
    if plan.limit is None:
        return None
    api = _api(connection, key)
    if (shared := shared_database(plan)) is not None:
        from penstock.rest.ratelimit.postgres import PostgresPermits

        return PostgresPermits(shared, api, plan.limit, _lease_s(plan))
    from penstock.rest.ratelimit.sqlite import FilePermits

    return FilePermits(state_directory("limits") / "permits.sqlite", api, plan.limit, _lease_s(plan))


def shared_database(plan: ApiPlan) -> Connection | None:
    """Return the database that shares the plan's limit between machines, if both exist."""
    if plan.limit is None:
        return None
    if plan.limit.shared is not None:
        return find(plan.limit.shared)
    return declared_warehouse()


def declared_warehouse() -> Connection | None:
    """Return the connection that machines of one environment share by default, if it is declared."""
    found = lookup.known(WAREHOUSE)
    return found if found is not None and found.type == "postgres" else None


def _lease_s(plan: ApiPlan) -> float:
    """Return how long a permit can be in use: the timeout of a call plus the window of the limit."""
    assert plan.limit is not None
    return plan.limit.per_s + plan.timeout_s + 5


def _api(connection: Connection, key: Secret | None) -> str:
    """Return an identifier of service and credential that does not reveal the credential."""
    secret = f"{connection.login or ''}:{key.reveal() if key else ''}".encode()
    # Slow on purpose, so that short passwords cannot be guessed.
    digest = hashlib.scrypt(
        secret, salt=f"penstock {base_url(connection)}".encode(), n=1 << 14, r=8, p=1, dklen=16
    )
    return f"{connection.host} {digest.hex()}"


def state_directory(part: str) -> Path:
    """Return a directory that the processes of this machine share."""
    project = lookup.project_here()
    if project is not None:
        return project.make_state_dir(part)
    own = Path(tempfile.gettempdir(), f"penstock-{os.getuid()}")
    own.mkdir(exist_ok=True, mode=0o700)
    if own.stat().st_uid != os.getuid():
        raise UsageError(
            f"{own} belongs to another user", hint="run this in a project; create one with penstock init"
        )
    path = own / part
    path.mkdir(exist_ok=True)
    return path
