"""The fields of a connection, by their names in files."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from penstock.environments.layer import EXTRA
from penstock.environments.secret_detection import Extra
from penstock.model.connection import Connection, Secret


def fields_of(connection: Connection) -> dict[str, str]:
    """Return the connection's fields by their names in files, without empty ones. Secrets are in plain text.

    Example:
        >>> fields_of(Connection(name="dwh", type="postgres", port=5432, extra={"sslmode": "require"}))
        {'type': 'postgres', 'port': '5432', 'extra.sslmode': 'require'}
    """
    fields = {
        "type": connection.type,
        "host": connection.host,
        "port": None if connection.port is None else str(connection.port),
        "login": connection.login,
        "password": connection.password.reveal() if connection.password else None,
        "database": connection.database,
        **{f"{EXTRA}{name}": text for name, text in connection.extra.items()},
    }
    return {name: text for name, text in fields.items() if text is not None}


def connection_of(name: str, fields: Mapping[str, str], secret: Collection[str] = ()) -> Connection:
    """Build a connection from fields, which must include its type.

    Args:
        secret: Names of extra fields, without ``extra.``, that are secrets regardless of their name.

    Example:
        >>> connection_of("dwh", {"type": "postgres", "port": "5432"}).port
        5432
    """
    further = {field.removeprefix(EXTRA): text for field, text in fields.items() if field.startswith(EXTRA)}
    return Connection(
        name=name,
        type=fields["type"],
        host=fields.get("host"),
        port=int(fields["port"]) if "port" in fields else None,
        login=fields.get("login"),
        password=Secret(fields["password"]) if "password" in fields else None,
        database=fields.get("database"),
        extra=Extra(further, frozenset(secret)),
    )
