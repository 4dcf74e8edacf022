"""Finds the connections that plans name."""

from __future__ import annotations

from penstock import lookup
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed

_EXAMPLES = {
    "postgres": "postgres://login:password@host:port/database",
    "s3": "aws://key:secret@/?endpoint_url=https%3A%2F%2Fhost",
}


def find(name: str, kind: str = "postgres") -> Connection:
    """The connection of this name and type, in the order of :mod:`penstock.lookup`.

    Raises:
        ConnectionFailed: If the connection does not exist or has another type.
        PenstockError: If the project's environment is invalid.

    Example:
        >>> find("warehouse").type
        'postgres'
    """
    connection = lookup.find(name)
    if connection is None:
        known = f"; embedded are {', '.join(lookup.EMBEDDED)}" if lookup.project_here() else ""
        first = f"penstock connection add {name}" if known else "create a project with penstock init"
        raise ConnectionFailed(
            f"no connection {name!r}{known or '; there is no project here'}",
            hint=f"{first}, or set PENSTOCK_CONN_{name.upper()}={_EXAMPLES.get(kind, f'{kind}://...')}",
        )
    if connection.type != kind:
        raise ConnectionFailed(
            f"{name} is of type {connection.type}", hint=f"use a connection of type {kind}"
        )
    return connection
