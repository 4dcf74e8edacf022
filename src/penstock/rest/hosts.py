"""The checked addresses of a connection's hosts, and the API key with the hosts that may receive it."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, quote, quote_plus, urlsplit, urlunsplit

from penstock.model.api import Auth
from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed, UsageError


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


_SHORTEST = 6  # shorter keys also occur in unrelated texts


class Credential:
    """The key of an API, sent where the plan says."""

    def __init__(self, auth: Auth, connection: Connection, key: Secret | None) -> None:
        if auth.place != "none" and key is None:
            raise ConnectionFailed(
                f"connection {connection.name!r} has no password to use as the key",
                hint=f"penstock connection set {connection.name} --password, or auth: none in the plan",
            )
        secret = key.reveal() if key is not None and auth.place != "none" else ""
        self.parameters: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        token = secret
        match auth.place:
            case "query":
                self.parameters[str(auth.name)] = secret
            case "header":
                self.headers[str(auth.name)] = secret
            case "bearer":
                self.headers["Authorization"] = f"Bearer {secret}"
            case "basic":
                token = b64encode(f"{connection.login or ''}:{secret}".encode()).decode("ascii")
                self.headers["Authorization"] = f"Basic {token}"
        if any(not value.isascii() or not value.isprintable() for value in self.headers.values()):
            raise UsageError(
                f"the key of {connection.name!r} contains characters that a header cannot hold",
                hint="check the key",
            )
        forms = {token, *_forms(secret)} - {""}
        self._forms = [form for form in sorted(forms, key=len, reverse=True) if len(form) >= _SHORTEST]

    def clean(self, text: str) -> str:
        """Return the text without the key."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text

    def clean_bytes(self, data: bytes) -> bytes:
        """Return the bytes without the key, in case an API repeats it in its answers."""
        for form in self._forms:
            if form.encode() in data:
                data = data.replace(form.encode(), b"***")
        return data

    def clean_url(self, url: str) -> str:
        """Return the address without the key's parameter."""
        if not self.parameters:
            return self.clean(url)
        parts = urlsplit(url)
        kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in self.parameters]
        return self.clean(urlunsplit(parts._replace(query="&".join(kept))))

    def clean_next(self, following: str) -> str:
        """Return the request for the next page without the key."""
        state = json.loads(following)
        return json.dumps({**state, "url": self.clean_url(state["url"])}) if "url" in state else following


def _forms(secret: str) -> set[str]:
    """The forms in which a service may repeat a text: unchanged, URL-encoded, in JSON."""
    in_json = json.dumps(secret)[1:-1]
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        in_json,
        json.dumps(secret, ensure_ascii=False)[1:-1],
        in_json.replace("/", "\\/"),
    }
