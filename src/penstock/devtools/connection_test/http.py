"""Connection test for web services."""

from __future__ import annotations

import http.client
import ssl
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from penstock.devtools.connection_test.network import TIMEOUT_S, Step, open_socket
from penstock.environments.url_policy import Address, allowed, base_url, keeps_credentials
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed

_REDIRECTS = range(300, 400)
_MOST_REDIRECTS = 5
_DENIED = {401: "wrong login or password", 403: "the login lacks permission"}


def try_http(connection: Connection) -> Iterator[Step]:
    """Test name, network and login. Every redirect is checked, and credentials are not sent to another host."""
    url = base_url(connection)
    for _ in range(_MOST_REDIRECTS):
        addresses = allowed(url, connection)
        host = urlsplit(url).hostname or ""
        yield "name", f"{host} is {addresses[0]}"
        status, location = _head(url, addresses, connection)
        yield "network", f"{host} answers"
        if status in _REDIRECTS and location:
            url = urljoin(url, location)
            continue
        if status in _DENIED:
            raise ConnectionFailed(
                f"{host} answers {status}: {_DENIED[status]}", hint="check login and password"
            )
        yield "login", f"answers {status}" if connection.login or connection.password else "none asked for"
        return
    raise ConnectionFailed(
        f"{connection.name}: redirected {_MOST_REDIRECTS} times", hint="check the host of the connection"
    )


def _head(url: str, addresses: tuple[Address, ...], connection: Connection) -> tuple[int, str | None]:
    """Send a HEAD request to a checked address."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    asker = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    opened = open_socket(host, addresses, port)
    try:
        if secure:
            opened = ssl.create_default_context().wrap_socket(opened, server_hostname=host)
        asker.sock = opened
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        asker.request("HEAD", path, headers=_credentials(url, connection))
        answer = asker.getresponse()
        return answer.status, answer.getheader("Location")
    except ssl.SSLError as error:
        raise ConnectionFailed(
            f"TLS failed with {host}: {error.reason or 'no TLS'}", hint="check the certificate"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionFailed(f"{host} does not speak HTTP: {type(error).__name__}") from None
    finally:
        opened.close()


def _credentials(url: str, connection: Connection) -> dict[str, str]:
    if connection.password is None or not keeps_credentials(url, connection):
        return {}
    if connection.login is None:
        return {"Authorization": f"Bearer {connection.password.reveal()}"}
    both = f"{connection.login}:{connection.password.reveal()}".encode()
    return {"Authorization": f"Basic {b64encode(both).decode('ascii')}"}
