"""Checks at use which addresses a connection may reach over HTTP.

A plan's URL may come from an untrusted source, and a name can resolve to any address: cloud machines serve the
credentials of their account on a link-local address. Every address that a name resolves to is checked.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed

Address = IPv4Address | IPv6Address

# Metadata addresses of clouds besides the link-local ones: Alibaba, Azure, Oracle; Amazon, Google.
_METADATA = frozenset(
    ip_address(text)
    for text in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)
_NAT64 = IPv6Network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}


class NotAllowed(ConnectionFailed):
    """The connection may not reach this address."""


def allowed(url: str, connection: Connection) -> tuple[Address, ...]:
    """Return the addresses of this URL's host after checking that the connection may reach each of them.

    Connect to one of these addresses, because the name could resolve to another address the next time. The connection's
    ``extra.allow`` lists hosts, addresses and networks that are always allowed.

    Raises:
        NotAllowed: The URL is not an HTTP URL, or resolves to a link-local, metadata or multicast address.
        ConnectionFailed: The name does not resolve.

    Example:
        >>> allowed("http://127.0.0.1:8080/", Connection(name="api", type="http"))
        (IPv4Address('127.0.0.1'),)
    """
    parts = _split(url, connection)
    addresses = resolve(parts.hostname or "", _port(parts))
    if parts.hostname in set(_allow_list(connection)):
        return addresses
    for address in addresses:
        if _forbidden(address) and not _listed(address, connection):
            raise NotAllowed(
                f"connection {connection.name!r} may not reach {parts.hostname}: {address} is {_forbidden(address)}",
                hint=f"to allow it: penstock connection set {connection.name} --extra allow={address}",
            )
    return addresses


def keeps_credentials(url: str, connection: Connection) -> bool:
    """Whether the connection's credentials may be sent to this URL: only to its own origin and to hosts in its `allow`.

    Check this for every redirect.

    Example:
        >>> api = Connection(name="api", type="http", host="https://api.example.com/v1")
        >>> keeps_credentials("https://api.example.com/v2", api), keeps_credentials("https://example.org/", api)
        (True, False)
    """
    there, own = _split(url, connection), _split(base_url(connection), connection)
    if (there.scheme, there.hostname, _port(there)) == (own.scheme, own.hostname, _port(own)):
        return True
    return there.hostname in set(_allow_list(connection)) and there.scheme == "https"


def base_url(connection: Connection) -> str:
    """Return the base URL of the connection.

    Example:
        >>> base_url(Connection(name="api", type="http", host="localhost", port=8080))
        'http://localhost:8080'
    """
    host = connection.host or ""
    if "://" not in host:
        scheme = connection.extra.get("scheme") or ("https" if connection.port == _PORTS["https"] else "http")
        host = f"{scheme}://{host}"
    parts = urlsplit(host)
    if connection.port is not None and parts.port is None:
        host = parts._replace(netloc=f"{parts.netloc}:{connection.port}").geturl()
    return host


def resolve(host: str, port: int) -> tuple[Address, ...]:
    """Resolve a host to all of its addresses.

    Raises:
        ConnectionFailed: The host has no address.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectionFailed(f"unknown host {host!r}", hint="check the host name") from error
    return tuple(dict.fromkeys(ip_address(str(one[4][0]).partition("%")[0]) for one in found))


def _split(url: str, connection: Connection) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in _PORTS or not parts.hostname:
        raise NotAllowed(
            f"connection {connection.name!r}: not an HTTP URL", hint="use a URL that begins with https://"
        )
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _forbidden(address: Address) -> str | None:
    for one in (address, *_inside(address)):
        if one.is_link_local:
            return "a link-local address"
        if one in _METADATA:
            return "a cloud's metadata address"
        if one.is_unspecified or one.is_multicast:
            return "not the address of a single host"
    return None


def _inside(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses embedded in an IPv6 address."""
    if isinstance(address, IPv6Address):
        tunnels = (address.ipv4_mapped, address.sixtofour)
        yield from (one for one in tunnels if one is not None)
        if address in _NAT64:
            yield IPv4Address(int(address) & 0xFFFF_FFFF)


def _allow_list(connection: Connection) -> list[str]:
    return [one.strip().lower() for one in connection.extra.get("allow", "").split(",") if one.strip()]


def _listed(address: Address, connection: Connection) -> bool:
    for one in _allow_list(connection):
        try:
            if address in ip_network(one, strict=False):
                return True
        except ValueError:
            continue  # a host name
    return False
