"""Databases that live as long as a test, and a sandbox, on embedded servers that belong to tests alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.model.connection import Connection
from penstock.project import MARKER, NoProject, Project, find_project

if TYPE_CHECKING:
    import psycopg

# Nothing of a test outlives a power cut, so nothing needs to be flushed to the disk.
SETTINGS = """\
[stack.ports]
warehouse = 0
sandbox = 0

[stack.postgres]
fsync = false
full_page_writes = false
shared_buffers = "128MB"
"""
SERVER, SANDBOX = "warehouse", "sandbox"
STATE = "tests"


@dataclass(frozen=True, slots=True)
class Database:
    """A database of one test.

    Args:
        connection: How to enter it.
    """

    connection: Connection

    @property
    def uri(self) -> str:
        """The same as `PENSTOCK_CONN_NAME` has it. In the clear."""
        return _uri(self.connection)

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection[Any]]:
        """A session in which every statement is its own transaction."""
        with _enter(self.connection) as session:
            yield session

    def execute(self, statements: str, values: Sequence[Any] | None = None) -> None:
        """Carry out statements whose result is of no interest."""
        with self.session() as session:
            session.execute(statements.encode(), values)

    def rows(self, query: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows that a query finds."""
        with self.session() as session:
            return session.execute(query.encode(), values).fetchall()


@contextmanager
def fresh_database(project: Project, name: str) -> Iterator[Database]:
    """A database of its own under the connection's name, dropped at the end.

    Raises:
        ConnectionFailed: The server does not start.
    """
    from psycopg import sql

    from penstock.stack import ensure

    server = ensure(_project_of_tests(project), SERVER)
    database = f"test_{name}_{secrets.token_hex(6)}"
    with _enter(server) as session:
        session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    try:
        yield Database(replace(server, name=name, database=database))
    finally:
        with _enter(server) as session:
            session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


def sandbox_of_tests(project: Project) -> Connection:
    """How to call a sandbox that no one else uses, started if it does not run.

    Raises:
        PenstockError: It does not start, or what it needs is not installed.
    """
    from penstock.stack import services

    return services.ensure(_project_of_tests(project), SANDBOX)


def stop_servers(start: Path) -> None:
    """End the servers of the tests of the project here, if they run."""
    try:
        project = find_project(start)
    except NoProject:
        return
    if (project.state_dir / STATE / MARKER).is_file():
        from penstock.stack import services, stop

        stop(_project_of_tests(project), SERVER)
        services.stop(_project_of_tests(project), SANDBOX)


def _project_of_tests(project: Project) -> Project:
    """A project in the state directory of the one that is tested, which has a server of its own."""
    root = project.make_state_dir(STATE)
    settings = root / MARKER
    if not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")
    return Project(root)


def _enter(connection: Connection) -> psycopg.Connection[Any]:
    import psycopg

    return psycopg.connect(_uri(connection), options="-c timezone=UTC", autocommit=True)


def _uri(connection: Connection) -> str:
    from penstock.environments.formats.airflow import to_uri

    return to_uri(connection)
