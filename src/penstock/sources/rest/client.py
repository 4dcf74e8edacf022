"""One call of an API: to an address that was checked, with the key where it belongs and nowhere else."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from ipaddress import IPv4Address, IPv6Address
from typing import Self
from urllib.parse import quote, quote_plus, urlencode, urlsplit, urlunsplit

import httpx

from penstock.model.api import ApiPlan, Auth
from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed, UsageError

_MOST_BYTES = 256 << 20  # an answer beyond this is no answer but an accident
_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=15.0)
_SHORTEST = 6  # a shorter key is found in innocent texts, too
_DROPPED = frozenset(("set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "cookie"))

# Which worker calls; none outside of a landing.
LANE: ContextVar[int | None] = ContextVar("lane", default=None)


def _not_ours(_: logging.LogRecord) -> bool:
    """Headers are written to the debug log of httpcore, and a service may repeat the key in one."""
    return LANE.get() is None


for _part in ("connection", "http11", "http2", "proxy", "socks"):
    logging.getLogger(f"httpcore.{_part}").addFilter(_not_ours)


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


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one call, secrets taken out."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    asked_at: datetime
    answered_at: datetime


class Broken(Exception):
    """No answer came: too slow, connection broken, not HTTP. Trying again may help."""


@dataclass(slots=True)
class _Origin:
    """Where to connect to for one scheme, host and port."""

    scheme: str
    netlocs: list[str]
    host: str
    sni: str | None
    keeps: bool


class Credential:
    """The key of an API, put where the plan says."""

    def __init__(self, auth: Auth, connection: Connection, key: Secret | None) -> None:
        if auth.place != "none" and key is None:
            raise ConnectionFailed(
                f"the connection {connection.name!r} has no password to be the key",
                hint=f"penstock connection set {connection.name} --password, or auth: none",
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
                f"the key of {connection.name!r} is no text that a header may hold", hint="check it"
            )
        forms = {token, *_forms(secret)} - {""}
        self._forms = [form for form in sorted(forms, key=len, reverse=True) if len(form) >= _SHORTEST]

    def clean(self, text: str) -> str:
        """The text without the key."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text

    def clean_bytes(self, data: bytes) -> bytes:
        """The bytes without the key: an API that repeats it in its answers shall not have it kept."""
        for form in self._forms:
            if form.encode() in data:
                data = data.replace(form.encode(), b"***")
        return data

    def clean_url(self, url: str) -> str:
        """The address without the key's parameter."""
        if not self.parameters:
            return self.clean(url)
        parts = urlsplit(url)
        kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in self.parameters]
        return self.clean(urlunsplit(parts._replace(query="&".join(kept))))

    def clean_next(self, following: str) -> str:
        """How the next page is asked for, without the key."""
        told = json.loads(following)
        return json.dumps({**told, "url": self.clean_url(told["url"])}) if "url" in told else following


def _forms(secret: str) -> set[str]:
    """How a service may repeat a text: as it is, in an address, in JSON."""
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


class Client:
    """Calls one API. To be used as an asynchronous context manager."""

    def __init__(self, plan: ApiPlan, credential: Credential, way: Way) -> None:
        self.credential = credential
        self._way = way
        self._timeout = plan.timeout_s
        self._transports: dict[tuple[str, int], httpx.AsyncHTTPTransport] = {}
        self._trusted: ssl.SSLContext | None = None
        self._origins: dict[tuple[str, str], _Origin] = {}
        self._headers = {
            "Accept": "application/json, */*;q=0.5",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"penstock/{version('penstock')}",
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        for transport in self._transports.values():
            await transport.aclose()

    def address(self, path: str, parameters: Sequence[tuple[str, str]]) -> str:
        """The URL of a path below the connection's own, without the key."""
        query = urlencode(parameters, quote_via=quote)
        both = f"{self._way.base.rstrip('/')}{path}"
        return f"{both}{'&' if '?' in both else '?'}{query}" if query else both

    async def call(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Ask for this URL, which holds no key, and read the whole answer.

        Raises:
            Broken: If no answer came.
            ConnectionFailed: If the connection may not reach the address, or its certificate is no good.
        """
        parts = urlsplit(url)
        origin = self._origins.get((parts.scheme, parts.netloc)) or await self._open(url)
        query, sent = parts.query, {**self._headers, **headers, "Host": origin.host}
        if origin.keeps:
            sent |= self.credential.headers
            if self.credential.parameters:
                query = "&".join(
                    filter(None, (query, urlencode(self.credential.parameters, quote_via=quote)))
                )
        address = urlunsplit((origin.scheme, origin.netlocs[0], parts.path or "/", query, ""))
        timeout = {"connect": self._timeout, "read": self._timeout, "write": self._timeout, "pool": None}
        extensions: dict[str, object] = {"timeout": timeout}
        if origin.sni is not None:
            extensions["sni_hostname"] = origin.sni
        asked_at = datetime.now(UTC)
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                request = httpx.Request("GET", address, headers=sent, extensions=extensions)
                response = await self._transport(origin.scheme).handle_async_request(request)
                try:
                    body = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise Broken(f"no whole answer in {self._timeout:g} s") from None
        except httpx.ConnectError as error:
            if "CERTIFICATE" in str(error).upper():
                raise ConnectionFailed(
                    f"{parts.hostname}: its certificate is no good", hint="check it"
                ) from None
            self._turn(parts.scheme, parts.netloc)
            raise Broken(f"{parts.hostname} cannot be reached") from None
        except httpx.RequestError as error:
            raise Broken(_WORDS.get(type(error).__name__, "the connection broke")) from None
        except httpx.InvalidURL:
            raise UsageError(
                f"{self.credential.clean_url(url)!r} is no address", hint="check path and rows"
            ) from None
        kept = {
            name: self.credential.clean(value)
            for name, value in response.headers.items()
            if name not in _DROPPED
        }
        # By the steady clock, so that answers never come before their questions.
        answered_at = datetime.fromtimestamp(asked_at.timestamp() + time.perf_counter() - begun, UTC)
        clean = self.credential.clean_url(url)
        return Reply(
            clean, response.status_code, kept, self.credential.clean_bytes(body), asked_at, answered_at
        )

    def _transport(self, scheme: str) -> httpx.AsyncHTTPTransport:
        """A connection for each worker: a pool looks at all of its connections before and after every call, which is a
        third of the processor time of 16 in one.
        """
        lane = scheme, LANE.get() or 0
        if lane not in self._transports:
            # Reading the certificates that are trusted takes 50 ms, which is for nothing where all is plain HTTP.
            if scheme == "https" and self._trusted is None:
                self._trusted = httpx.create_ssl_context()
            self._transports[lane] = httpx.AsyncHTTPTransport(verify=self._trusted or False, limits=_ONE)
        return self._transports[lane]

    async def _open(self, url: str) -> _Origin:
        parts = urlsplit(url)
        addresses = await asyncio.to_thread(self._way.resolve, url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        shown = f"[{host}]" if ":" in host else host
        netlocs = [f"[{one}]{port}" if one.version == 6 else f"{one}{port}" for one in addresses]
        named = host not in {str(one) for one in addresses}
        sni = host if parts.scheme == "https" and named else None
        origin = _Origin(parts.scheme, netlocs, f"{shown}{port}", sni, self._way.keeps(url))
        self._origins[parts.scheme, parts.netloc] = origin
        return origin

    def _turn(self, scheme: str, netloc: str) -> None:
        """Take the host's next address the next time, and look its name up anew behind the last."""
        origin = self._origins.get((scheme, netloc))
        if origin is not None:
            del origin.netlocs[0]
            if not origin.netlocs:
                del self._origins[scheme, netloc]


_WORDS = {
    "ReadTimeout": "no whole answer in time",
    "ConnectTimeout": "the host did not answer in time",
    "RemoteProtocolError": "the connection was closed before the answer was whole",
    "DecodingError": "the answer is packed, and damaged",
    "ReadError": "the connection broke",
    "UnsupportedProtocol": "that is no HTTP address",
}


async def _read(response: httpx.Response) -> bytes:
    pieces = []
    size = 0
    async for piece in response.aiter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > _MOST_BYTES:
            raise Broken(f"an answer of more than {_MOST_BYTES >> 20} MiB")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
