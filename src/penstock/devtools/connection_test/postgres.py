"""Connection test for PostgreSQL: login, database and privileges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from penstock.devtools.connection_test.network import Step, try_host
from penstock.model.connection import Connection

_PORT = 5432


def try_postgres(connection: Connection) -> Iterator[Step]:
    """Test name, network, login, database and privileges."""
    from penstock.postgres.connect import connect

    if connection.host and not connection.host.startswith("/"):  # a path is a local socket
        yield from try_host(connection.host, connection.port or _PORT)
    with closing(connect(connection)) as session:
        row = session.execute(
            "SELECT current_user AS login, current_database() AS database,"
            " current_setting('server_version') AS version,"
            " has_database_privilege(current_database(), 'CREATE') AS may_create,"
            " current_setting('transaction_read_only') = 'on' AS read_only"
        ).fetchone()
    assert row is not None
    yield "login", row["login"]
    yield "database", f"{row['database']}, PostgreSQL {row['version']}"
    may = (
        "read-only"
        if row["read_only"]
        else "can create schemas"
        if row["may_create"]
        else "cannot create schemas"
    )
    yield "right", may
