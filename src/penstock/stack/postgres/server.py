"""One embedded server as it is remembered between commands: its port, its password and where its cluster lies."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from penstock.model.connection import Connection, Secret
from penstock.model.errors import PenstockError
from penstock.project import Project, write_private
from penstock.stack.os_user import Account, can_reach, server_account
from penstock.stack.postgres.binaries import SYSTEM_DIR
from penstock.state_dir import broken_state

HOST = "127.0.0.1"
LOGIN = "penstock"
STATE = "postgres"
_SIGN_TIMEOUT_S = 3.0
_SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


class DamagedRecord(PenstockError):
    """What is remembered of a server cannot be read."""


@dataclass(frozen=True, slots=True)
class Server:
    """An embedded Postgres server; whether it runs is not part of it.

    Args:
        name: `source` or `warehouse`; also the name of its database.
        port: Where it was last started.
        password: Of the login `penstock`, who owns everything.
        home: The directory that holds the cluster; belongs to the account that runs the server.
    """

    name: str
    port: int
    password: Secret = field(repr=False)
    home: Path

    @property
    def data_dir(self) -> Path:
        """The cluster itself."""
        return self.home / "data"

    def connection(self, database: str | None = None) -> Connection:
        """How to enter a database of this server, by default the one of its own name."""
        return Connection(
            name=self.name,
            type="postgres",
            host=HOST,
            port=self.port,
            login=LOGIN,
            password=self.password,
            database=database or self.name,
            extra={"sslmode": "disable"},  # never leaves this machine, and this build has no TLS
        )

    @contextmanager
    def enter(self, database: str) -> Iterator[psycopg.Connection[Any]]:
        """A session of the owner, every statement its own transaction.

        Raises:
            psycopg.OperationalError: The server does not run, starts up, or is another one.
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
        """Whether this very server (its password says so) lets one into the database now."""
        try:
            with self.enter(database):
                return True
        except psycopg.OperationalError:
            return False

    def gives_a_sign(self) -> bool:
        """Whether a server answers there at all, be it that it starts up or lets nobody else in."""
        # Its question whether to encrypt comes before everything else. psycopg's own `ping` would halt all threads.
        try:
            with socket.create_connection((HOST, self.port), timeout=_SIGN_TIMEOUT_S) as session:
                session.sendall(_SSL_REQUEST)
                return bool(session.recv(1))
        except OSError:
            return False


def load(project: Project, name: str) -> Server | None:
    """The server as last saved, or None where it was never made.

    Raises:
        PenstockError: The state belongs to another account, or was damaged.
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
            hint=f"put a backup back, or begin with an empty server: penstock stop, rm {path}, mv {home} {home}.old",
        ) from error


def recall(project: Project, name: str) -> Server | None:
    """As `load`, to stop or to remove it: of a damaged record only the password and the port are missed.

    Raises:
        PenstockError: The state belongs to another account.
    """
    try:
        return load(project, name)
    except DamagedRecord:
        return Server(name, 0, Secret(""), choose_home(project, name, server_account(project.state_dir)))


def save(project: Project, server: Server) -> None:
    """Remember the server, readable by this account alone.

    Raises:
        PenstockError: The state directory cannot be made.
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
    """Forget a server that is to be made anew."""
    _record(project, name).unlink(missing_ok=True)


def choose_home(project: Project, name: str, account: Account | None) -> Path:
    """Where a new cluster goes: into the project's state, or where the server's account can reach.

    The latter, for root only, is a directory under `/var/lib/penstock` named after the project's path.
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
