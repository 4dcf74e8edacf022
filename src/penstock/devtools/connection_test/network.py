"""The first steps of every connection test: resolve the name and connect to the port."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

from penstock.environments.url_policy import Address, resolve
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed

# The step and its result.
Step = tuple[str, str]

TIMEOUT_S = 10


def try_network(connection: Connection) -> Iterator[Step]:
    """Resolve the connection's host and connect to its port."""
    if not connection.host or not connection.port:
        raise ConnectionFailed(
            f"cannot test {connection.name}: host or port is missing",
            hint=f"penstock connection set {connection.name} --host HOST --port PORT",
        )
    yield from try_host(connection.host, connection.port)


def try_host(host: str, port: int) -> Iterator[Step]:
    """Resolve a host and connect to a port."""
    addresses = resolve(host, port)
    yield "name", f"{host} is {addresses[0]}"
    with closing(open_socket(host, addresses, port)):
        yield "network", f"port {port} answers"


def open_socket(host: str, addresses: tuple[Address, ...], port: int) -> socket.socket:
    """Connect to the first of these addresses that answers."""
    failed = ""
    for address in addresses:
        try:
            return socket.create_connection((str(address), port), timeout=TIMEOUT_S)
        except TimeoutError:
            failed = "no answer"
        except OSError as error:
            failed = (
                "nothing listens there" if isinstance(error, ConnectionRefusedError) else str(error.strerror)
            )
    raise ConnectionFailed(f"cannot reach {host}:{port}: {failed}", hint="check host, port and firewall")
