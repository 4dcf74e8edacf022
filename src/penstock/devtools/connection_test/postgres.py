"""PostgreSQL: who one is there, where, and what one may do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from penstock.devtools.connection_test.network import Step, try_host
from penstock.model.connection import Connection

_PORT = 5432


def try_postgres(connection: Connection) -> Iterator[Step]:
    """Name, network, login, database, right."""
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
        "may read only"
        if row["read_only"]
        else "may make schemas"
        if row["may_create"]
        else "may not make schemas"
    )
    yield "right", may
