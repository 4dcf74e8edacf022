"""The checked addresses of a connection's hosts, and the hosts that may receive its key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult


@dataclass(frozen=True, slots=True)
class Way:
    """The service of a connection, and the rules for its addresses and its key.

    Args:
        base: URL of the service, including the path prefix of every request.
        resolve: Returns the checked addresses of a URL's host; raises if one is not allowed.
        keeps: Whether the key may be sent to this URL.
    """

    base: str
    resolve: Callable[[str], Sequence[IPv4Address | IPv6Address]]
    keeps: Callable[[str], bool]


@dataclass(slots=True)
class Origin:
    """The addresses for one scheme, host and port.

    Args:
        netlocs: Addresses with ports; the first one is used.
        host: The Host header.
        sni: The name that the certificate must match, if it is not the address.
        keeps: Whether the key may be sent there.
    """

    scheme: str
    netlocs: list[str]
    host: str
    sni: str | None
    keeps: bool


class Origins:
    """The origins that were called; each host is resolved once."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._known: dict[tuple[str, str], Origin] = {}

    async def find(self, url: str, parts: SplitResult) -> Origin:
        """Return the origin for this URL.

        Raises:
            ConnectionFailed: The connection may not reach the address.
        """
        return self._known.get((parts.scheme, parts.netloc)) or await self._open(url, parts)

    def turn(self, parts: SplitResult) -> None:
        """Use the host's next address from now on; after the last one, resolve the name again."""
        origin = self._known.get((parts.scheme, parts.netloc))
        if origin is not None:
            del origin.netlocs[0]
            if not origin.netlocs:
                del self._known[parts.scheme, parts.netloc]

    async def _open(self, url: str, parts: SplitResult) -> Origin:
        addresses = await asyncio.to_thread(self._way.resolve, url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        shown = f"[{host}]" if ":" in host else host
        netlocs = [f"[{one}]{port}" if one.version == 6 else f"{one}{port}" for one in addresses]
        named = host not in {str(one) for one in addresses}
        sni = host if parts.scheme == "https" and named else None
        origin = Origin(parts.scheme, netlocs, f"{shown}{port}", sni, self._way.keeps(url))
        self._known[parts.scheme, parts.netloc] = origin
        return origin
