"""What a landing enters an API with: its address, its key, its permits."""

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
from penstock.rest.credential import Credential
from penstock.rest.fetch import Entrance
from penstock.rest.hosts import Way

WAREHOUSE = "warehouse"


@contextmanager
def entered(plan: ApiPlan) -> Iterator[tuple[ApiPlan, Entrance]]:
    """The plan, with the connection's word for where the key goes unless it has its own, and what the API is entered
    by.

    Raises:
        ConnectionFailed: If there is no such connection, or no key.
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
    """Where the connection leads, and how far its key may go."""
    return Way(
        base_url(connection),
        lambda url: allowed(url, connection),
        lambda url: keeps_credentials(url, connection),
    )


def _with_auth(plan: ApiPlan, connection: Connection) -> ApiPlan:
    """The plan, with the connection's word for where the key goes unless it has its own."""
    declared = connection.extra.get("auth")
    return replace(plan, auth=Auth.parse(declared)) if plan.auth is None and declared else plan


def _find_key(plan: ApiPlan, connection: Connection) -> Secret | None:
    """The API's key: a variable's or the connection's."""
    if plan.auth is None or plan.auth.variable is None:
        return connection.password
    found = lookup.find_variable(plan.auth.variable)
    if not found:
        raise ConnectionFailed(
            f"no variable {plan.auth.variable!r}, which is to be the key",
            hint=f"penstock variable set {plan.auth.variable} --secret",
        )
    return Secret(found)


def _open_permits(plan: ApiPlan, connection: Connection, key: Secret | None) -> Permits | None:
    """The limit, kept where all who share it can see it."""
    if plan.limit is None:
        return None
    api = _api(connection, key)
    if (shared := shared_database(plan)) is not None:
        from penstock.rest.ratelimit.postgres import PostgresPermits

        return PostgresPermits(shared, api, plan.limit, _lease_s(plan))
    from penstock.rest.ratelimit.sqlite import FilePermits

    return FilePermits(state_directory("limits") / "permits.sqlite", api, plan.limit, _lease_s(plan))


def shared_database(plan: ApiPlan) -> Connection | None:
    """The database through which machines share the plan's limit, where there are both."""
    if plan.limit is None:
        return None
    if plan.limit.shared is not None:
        return find(plan.limit.shared)
    return declared_warehouse()


def declared_warehouse() -> Connection | None:
    """The connection that machines of one environment share by default, if it is declared."""
    found = lookup.known(WAREHOUSE)
    return found if found is not None and found.type == "postgres" else None


def _lease_s(plan: ApiPlan) -> float:
    """So long a permit can be in use: the call's time, and the time in which it counts."""
    assert plan.limit is not None
    return plan.limit.per_s + plan.timeout_s + 5


def _api(connection: Connection, key: Secret | None) -> str:
    """What the limit is of: the service and the credential, from which nobody can tell the credential."""
    secret = f"{connection.login or ''}:{key.reveal() if key else ''}".encode()
    # Slow on purpose: a short password is not found by trying.
    digest = hashlib.scrypt(
        secret, salt=f"penstock {base_url(connection)}".encode(), n=1 << 14, r=8, p=1, dklen=16
    )
    return f"{connection.host} {digest.hex()}"


def state_directory(part: str) -> Path:
    """A directory for what the processes of this machine share."""
    project = lookup.project_here()
    if project is not None:
        return project.make_state_dir(part)
    own = Path(tempfile.gettempdir(), f"penstock-{os.getuid()}")
    own.mkdir(exist_ok=True, mode=0o700)
    if own.stat().st_uid != os.getuid():
        raise UsageError(f"{own} belongs to somebody else", hint="change into a project: penstock init")
    path = own / part
    path.mkdir(exist_ok=True)
    return path
