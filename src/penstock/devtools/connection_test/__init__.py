"""Tests a connection step by step (name, network, login, database, privileges) and reports the step that fails."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.devtools.connection_test.http import try_http
from penstock.devtools.connection_test.network import Step, try_network
from penstock.devtools.connection_test.postgres import try_postgres
from penstock.devtools.connection_test.stores import try_s3, try_snowflake
from penstock.model.connection import Connection

__all__ = ["Step", "try_connection"]


def try_connection(connection: Connection) -> Iterator[Step]:
    """Yield each successful step as it completes; raise at the first failure.

    Raises:
        PenstockError: A step failed.
    """
    tries = {"postgres": try_postgres, "http": try_http, "s3": try_s3, "snowflake": try_snowflake}
    yield from tries.get(connection.type, try_network)(connection)
