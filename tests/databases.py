"""Databases that tests make, as commands find them and as tests look into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.rows import tuple_row

from penstock.model.connection import Connection
from penstock.postgres.connect import PgConnection

Query = Callable[..., list[tuple[Any, ...]]]
"""Runs SQL and gives its rows, if it has any, as tuples."""


def uri(connection: Connection) -> str:
    """The connection as a variable says it, as in PENSTOCK_CONN_WAREHOUSE."""
    assert connection.password is not None
    password = quote(connection.password.reveal(), safe="")
    place = f"{connection.host}:{connection.port}/{connection.database}"
    return f"postgres://{connection.login}:{password}@{place}?sslmode=disable"


def enter(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    """A session of psycopg's own, in which each statement is committed."""
    return psycopg.connect(uri(connection), autocommit=True)


def asking(session: PgConnection) -> Query:
    session.prepare_threshold = None  # tests recreate tables under the same name

    def run(text: str, *values: Any) -> list[tuple[Any, ...]]:
        with session.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

    return run
