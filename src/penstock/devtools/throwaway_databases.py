"""Databases for single tests, and a sandbox, on embedded servers that are used only by tests."""

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

# Test data does not need to survive a power failure, so nothing is flushed to disk.
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
    """A database for one test.

    Args:
        connection: Connection to the database.
    """

    connection: Connection

    @property
    def uri(self) -> str:
        """The connection as a URI, as in `PENSTOCK_CONN_NAME`. The password is in plain text."""
        return _uri(self.connection)

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection[Any]]:
        """Open an autocommit session."""
        with _enter(self.connection) as session:
            yield session

    def execute(self, statements: str, values: Sequence[Any] | None = None) -> None:
        """Execute statements and ignore their results."""
        with self.session() as session:
            session.execute(statements.encode(), values)

    def rows(self, query: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.session() as session:
            return session.execute(query.encode(), values).fetchall()


@contextmanager
def fresh_database(project: Project, name: str) -> Iterator[Database]:
    """Create a separate database under the connection's name, and drop it at the end of the block.

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
    """Return the connection to a sandbox that only the tests use; starts it if necessary.

    Raises:
        PenstockError: The sandbox does not start, or its packages are not installed.
    """
    from penstock.stack import services

    return services.ensure(_project_of_tests(project), SANDBOX)


def stop_servers(start: Path) -> None:
    """Stop the test servers of the project, if they are running."""
    try:
        project = find_project(start)
    except NoProject:
        return
    if (project.state_dir / STATE / MARKER).is_file():
        from penstock.stack import services, stop

        stop(_project_of_tests(project), SERVER)
        services.stop(_project_of_tests(project), SANDBOX)


def _project_of_tests(project: Project) -> Project:
    """Return a project inside the tested project's state directory, with its own servers."""
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
