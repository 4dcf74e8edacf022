"""The embedded servers of a project, started on demand, and their initial contents."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

import psycopg
from psycopg import sql

from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed
from penstock.postgres.queries import queries
from penstock.project import Project
from penstock.stack.lock import locked
from penstock.stack.os_user import server_account
from penstock.stack.port_config import free_port, read_options, read_wishes
from penstock.stack.postgres import cluster
from penstock.stack.postgres.server import (
    HOST,
    STATE,
    Server,
    cause,
    forget,
    load,
    log_path,
    open_log,
    recall,
    save,
)
from penstock.stack.postgres.settings import server_settings

SERVERS = ("source", "warehouse")  # the servers with the project's data

# Pauses between attempts: another program may take the port, and just after a kill -9 the old server's children still
# hold its memory.
PAUSES_S = (0.0, 0.2, 0.5, 1.0, 2.0)
BAD_SETTINGS = "contains errors"  # a retry would not help


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """The status of a server.

    Args:
        state: `absent` (never created), `stopped`, `running`, or `unready` (it does not accept connections yet).
        port: The current or last port.
        pid: The process, if it is running.
    """

    name: str
    state: Literal["absent", "stopped", "unready", "running"]
    host: str
    port: int | None
    pid: int | None
    data_dir: Path | None
    log: Path


def ensure(project: Project, name: str, *, database: str | None = None) -> Connection:
    """Create and start the server if necessary, and return its connection.

    Idempotent, and safe for concurrent processes. If the server is running, the call costs one connection (2 to 7 ms).
    `penstock.toml` can set a port (`[stack.ports] warehouse = 6000`, 0 for any free port) and settings
    (`[stack.postgres] shared_buffers = "2GB"`), which apply from the next start.

    Args:
        name: `source` or `warehouse`; any other name is a separate server, on a port that the system chooses.
        database: Database to create if missing; by default the one named like the server.

    Raises:
        ConnectionFailed: The server does not start; the message ends with the cause from its log.
        PenstockError: The `stack` extra is missing, or the state directory belongs to another account.
        UsageError: A port or setting in `penstock.toml` is invalid.

    Example:
        connection = ensure(find_project(), "warehouse")
    """
    database = database or name
    server = load(project, name)
    if server is None or not server.answers(database):
        with locked(project, STATE, f"{name}.lock"):
            server = _started(project, name)
            _make_database(project, server, database)
    return server.connection(database)


def stop(project: Project, name: str) -> bool:
    """Stop the server and roll back open transactions; return False if it was not running.

    Raises:
        ConnectionFailed: The server did not stop.
    """
    server = recall(project, name)
    if server is None:
        return False
    with locked(project, STATE, f"{name}.lock"), _opened_log(project, name) as log:
        if cluster.postmaster_pid(server) is None:
            return False
        if not cluster.stop(server, server_account(project.state_dir), log) and not cluster.kill(server):
            raise ConnectionFailed(
                f"the server {name!r} did not stop within {cluster.STOP_TIMEOUT_S} s",
                hint=f"see {log_path(project, name)}",
            )
    return True


def status(project: Project, name: str) -> ServerStatus:
    """Return the status of the server; starts nothing."""
    log = log_path(project, name)
    server = load(project, name)
    if server is None:
        return ServerStatus(name, "absent", HOST, None, None, None, log)
    pid = cluster.postmaster_pid(server)
    state: Literal["stopped", "unready", "running"] = "stopped"
    if pid is not None:
        state = "running" if server.answers("postgres") else "unready"
    return ServerStatus(name, state, HOST, server.port, pid, server.data_dir, log)


def require_readable(project: Project, name: str) -> None:
    """Check the server's data as far as possible before a start.

    Raises:
        ConnectionFailed: The data or the record is missing, or the data is from another major version. Nothing was
            changed.
        PenstockError: The record is damaged.
    """
    server = load(project, name)
    if server is not None:
        cluster.require_readable(server)
    else:
        cluster.require_unused(name, project.state_dir / STATE / name)


def _started(project: Project, name: str) -> Server:
    """Start the server and return it. The caller holds the lock."""
    project.make_state_dir(STATE)
    account = server_account(project.state_dir)
    wishes = read_wishes(project, name)
    require_readable(project, name)
    server = load(project, name)
    if server is None or cluster.is_empty(server.data_dir):
        forget(project, name)  # without a record, an interrupted creation starts over
        server = cluster.create(project, name, wishes.port, account)
        save(project, server)
    reason = ""
    with _opened_log(project, name) as log:
        for pause_s in PAUSES_S:
            time.sleep(pause_s)
            if _is_up(server):
                return server
            server = replace(server, port=free_port(server.port, wishes.port))
            save(project, server)
            cluster.configure(server, {**server_settings(name, server.port), **wishes.settings})
            before = log_path(project, name).stat().st_size
            if cluster.start(server, account, log):
                return server
            reason = log_path(project, name).read_bytes()[before:].decode(errors="replace")
            if BAD_SETTINGS in reason:
                break
    raise ConnectionFailed(
        f"the server {name!r} does not start: {cause(reason)}", hint=f"see {log_path(project, name)}"
    )


def _is_up(server: Server) -> bool:
    """Whether the server answers; waits while it recovers or shuts down."""
    deadline = time.monotonic() + cluster.START_TIMEOUT_S
    while cluster.postmaster_pid(server) is not None:
        if server.answers("postgres"):
            return True
        if time.monotonic() > deadline:
            raise ConnectionFailed(
                f"the server {server.name!r} on port {server.port} does not accept connections",
                hint=f"penstock db stop {server.name}",
            )
        time.sleep(0.05)
    return False


def _make_database(project: Project, server: Server, database: str) -> None:
    with server.enter("postgres") as session:
        if session.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone() is not None:
            return
        seed = SEEDS.get(database) if database == server.name and read_options(project).seed else None
        if seed is None:
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
            return
        # Renamed only when complete, so that a kill does not leave an empty database.
        draft = f"{database} draft"
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(draft)))
        session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
        with server.enter(draft) as inside:
            seed(inside)
        session.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(database))
        )


def _opened_log(project: Project, name: str) -> IO[bytes]:
    """Open the log as the caller, so that the server's account needs no access to its path."""
    project.make_state_dir("logs")
    return open_log(log_path(project, name))


def _make(session: psycopg.Connection[Any], *, with_rows: bool) -> None:
    sql = queries(__package__, "seeds.sql")
    with session.transaction():
        session.execute(sql["table"])
        if with_rows:
            session.execute(sql["rows"])


# By server name: the table of products, with rows in the source and empty in the warehouse.
SEEDS: Mapping[str, Callable[[psycopg.Connection[Any]], None]] = {
    "source": lambda session: _make(session, with_rows=True),
    "warehouse": lambda session: _make(session, with_rows=False),
}
