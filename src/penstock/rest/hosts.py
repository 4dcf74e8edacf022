"""Where a connection leads: the addresses of its hosts, checked, and how far its key may go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult


@dataclass(frozen=True, slots=True)
class Way:
    """Where a connection leads, and how far its key may go.

    Args:
        base: Address of the service, with what of its path every request begins with.
        resolve: Gives the addresses of a URL's host, all of them checked; raises where one is not allowed.
        keeps: Whether the key may be sent to this URL.
    """

    base: str
    resolve: Callable[[str], Sequence[IPv4Address | IPv6Address]]
    keeps: Callable[[str], bool]


@dataclass(slots=True)
class Origin:
    """Where to connect to for one scheme, host and port.

    Args:
        netlocs: Addresses and ports, of which the first is to be taken.
        host: What the request calls it.
        sni: What a certificate has to be for, where it is not the address.
        keeps: Whether the key may be sent there.
    """

    scheme: str
    netlocs: list[str]
    host: str
    sni: str | None
    keeps: bool


class Origins:
    """Those that were called, each looked up once."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._known: dict[tuple[str, str], Origin] = {}

    async def find(self, url: str, parts: SplitResult) -> Origin:
        """Where to connect to for this URL.

        Raises:
            ConnectionFailed: If the connection may not reach the address.
        """
        return self._known.get((parts.scheme, parts.netloc)) or await self._open(url, parts)

    def turn(self, parts: SplitResult) -> None:
        """Take the host's next address the next time, and look its name up anew behind the last."""
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
