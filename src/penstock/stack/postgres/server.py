"""The stored record of one embedded server, and the cause of a failed start in its log."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg

from penstock.model.connection import Connection, Secret
from penstock.model.errors import PenstockError
from penstock.project import SERVERS, Project, write_private
from penstock.stack.os_user import Account, can_reach, server_account
from penstock.stack.postgres.binaries import SYSTEM_DIR
from penstock.state_dir import broken_state, open_file

HOST = "127.0.0.1"
LOGIN = "penstock"
STATE = SERVERS
_SIGN_TIMEOUT_S = 3.0
_SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


class DamagedRecord(PenstockError):
    """The record of a server is not readable."""


@dataclass(frozen=True, slots=True)
class Server:
    """An embedded Postgres server, running or not.

    Args:
        name: `source` or `warehouse`; also the name of its database.
        port: Port of the last start.
        password: Password of the login `penstock`, which owns everything.
        home: Directory of the cluster; belongs to the account that runs the server.
    """

    name: str
    port: int
    password: Secret = field(repr=False)
    home: Path

    @property
    def data_dir(self) -> Path:
        """The data directory of the cluster."""
        return self.home / "data"

    @property
    def settings_file(self) -> Path:
        """The settings, outside of the directory that belongs to the account that runs the server."""
        return self.home.with_name(f"{self.home.name}.conf")

    def connection(self, database: str | None = None) -> Connection:
        """Return the connection to a database of this server, by default the one named like the server."""
        return Connection(
            name=self.name,
            type="postgres",
            host=HOST,
            port=self.port,
            login=LOGIN,
            password=self.password,
            database=database or self.name,
            extra={"sslmode": "disable"},  # traffic stays on this machine, and this build has no TLS
        )

    @contextmanager
    def enter(self, database: str) -> Iterator[psycopg.Connection[Any]]:
        """Open an autocommit session as the owner.

        Raises:
            psycopg.OperationalError: The server is not running, is starting, or is another server.
        """
        with psycopg.connect(
            host=HOST,
            port=self.port,
            user=LOGIN,
            password=self.password.reveal(),
            dbname=database,
            sslmode="disable",
            gssencmode="disable",
            connect_timeout=3,
            autocommit=True,
        ) as session:
            yield session

    def answers(self, database: str) -> bool:
        """Whether this server, identified by its password, accepts connections to the database."""
        try:
            with self.enter(database):
                return True
        except psycopg.OperationalError:
            return False

    def gives_a_sign(self) -> bool:
        """Whether a server answers on the port, even if it is starting or refuses connections."""
        # An SSL request is answered before anything else. psycopg's own `ping` would block all threads.
        try:
            with socket.create_connection((HOST, self.port), timeout=_SIGN_TIMEOUT_S) as session:
                session.sendall(_SSL_REQUEST)
                return bool(session.recv(1))
        except OSError:
            return False


def load(project: Project, name: str) -> Server | None:
    """Load the record of the server; None if it was never created.

    Raises:
        PenstockError: The state belongs to another account, or is damaged.
    """
    path = _record(project, name)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        home = Path(record["home"]) if record["home"] else _home_in(project, name)
        return Server(name, int(record["port"]), Secret(record["password"]), home)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise broken_state(error) from error
    except (ValueError, KeyError, TypeError) as error:
        home = choose_home(project, name, server_account(project.state_dir))
        raise DamagedRecord(
            f"{path} is damaged, so the password of the server {name!r} is lost",
            hint=f"restore a backup, or start with an empty server: penstock stop, rm {path}, mv {home} {home}.old",
        ) from error


def recall(project: Project, name: str) -> Server | None:
    """Load the record to stop or remove the server, even if it is damaged: only password and port are then unknown.

    Raises:
        PenstockError: The state belongs to another account.
    """
    try:
        return load(project, name)
    except DamagedRecord:
        return Server(name, 0, Secret(""), choose_home(project, name, server_account(project.state_dir)))


def save(project: Project, server: Server) -> None:
    """Save the record of the server, readable by this account only.

    Raises:
        PenstockError: The state directory cannot be created.
        OSError: The disk is full.
    """
    project.make_state_dir(STATE)
    in_project = server.home == _home_in(project, server.name)
    record = {
        "port": server.port,
        "password": server.password.reveal(),
        "home": None if in_project else str(server.home),  # so that a project can be moved
    }
    write_private(_record(project, server.name), json.dumps(record) + "\n")


def forget(project: Project, name: str) -> None:
    """Remove the record of a server that will be created again."""
    _record(project, name).unlink(missing_ok=True)


def choose_home(project: Project, name: str, account: Account | None) -> Path:
    """Return the directory for a new cluster: the project's state, or one that the server's account can reach.

    The latter is used for root only: a directory under `/var/lib/penstock` named after the project's path.
    """
    project.make_state_dir(STATE)
    home = _home_in(project, name)
    if account is None or can_reach(account, home):
        return home
    digest = hashlib.sha256(str(project.root).encode()).hexdigest()[:16]
    return SYSTEM_DIR / digest / name


def _record(project: Project, name: str) -> Path:
    return project.state_dir / STATE / f"{name}.json"


def _home_in(project: Project, name: str) -> Path:
    return project.state_dir / STATE / name


LIMIT_BYTES = 10 * 1024 * 1024

# The cause is often in a LOG line; the FATAL line after it is generic.
CAUSE = re.compile(
    r"(?:error|ERROR|LOG|FATAL|PANIC): +(.*(?:invalid|unrecognized|could not|No space|denied|in use).*)"
)
LAST_WORD = re.compile(r"(?:error|FATAL|PANIC): +(.*)")


def log_path(project: Project, name: str) -> Path:
    """Return the path of the server's log."""
    return project.state_dir / "logs" / f"postgres-{name}.log"


def open_log(path: Path) -> IO[bytes]:
    """Open a log for appending, readable by its owner only.

    A large log is replaced; the previous one is kept.

    Raises:
        BrokenState: It is a link or no regular file.
        OSError: The log cannot be written.
    """
    if path.exists() and path.stat().st_size > LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    log = os.fdopen(open_file(path, os.O_WRONLY | os.O_APPEND), "ab")
    os.fchmod(log.fileno(), 0o600)
    return log


def cause(text: str) -> str:
    r"""Return the most informative line about a failure.

    Example:
        >>> cause('12:00 LOG:  invalid value for parameter "port": "x"\n12:00 FATAL:  source.conf contains errors')
        'invalid value for parameter "port": "x"'
    """
    for pattern in (CAUSE, LAST_WORD):
        if found := pattern.search(text):
            return found.group(1).strip()
    return (text.strip().splitlines() or ["no reason given"])[-1]
