"""One call to an API: only to checked addresses, with the key only where it belongs."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Self
from urllib.parse import SplitResult, quote, urlencode, urlsplit, urlunsplit

import httpx

from penstock.model.api import ApiPlan
from penstock.model.errors import ConnectionFailed, UsageError
from penstock.rest.hosts import Credential, Origin, Origins, Way

_MOST_BYTES = 256 << 20  # larger answers are errors
_PIECE_BYTES = 1 << 20
_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=15.0)
_DROPPED = frozenset(("set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "cookie"))

# The calling worker; none outside of a landing.
LANE: ContextVar[int | None] = ContextVar("lane", default=None)


def _not_ours(_: logging.LogRecord) -> bool:
    """Drop httpcore's debug log during calls: it has headers, in which a service may repeat the key."""
    return LANE.get() is None


for _part in ("connection", "http11", "http2", "proxy", "socks"):
    logging.getLogger(f"httpcore.{_part}").addFilter(_not_ours)


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of one call, without secrets."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    asked_at: datetime
    answered_at: datetime


class Broken(Exception):
    """The call got no answer: timeout, broken connection, not HTTP. A retry may help."""


class Client:
    """Calls one API. Use it as an asynchronous context manager."""

    def __init__(self, plan: ApiPlan, credential: Credential, way: Way) -> None:
        self.credential = credential
        self._base = way.base.rstrip("/")
        self._origins = Origins(way)
        self._timeout = plan.timeout_s
        self._transports: dict[tuple[str, int], httpx.AsyncHTTPTransport] = {}
        self._trusted: ssl.SSLContext | None = None
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
        """Return the URL of a path below that of the connection, without the key."""
        query = urlencode(parameters, quote_via=quote)
        both = f"{self._base}{path}"
        return f"{both}{'&' if '?' in both else '?'}{query}" if query else both

    async def call(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Request this URL, which holds no key, and read the complete answer.

        Raises:
            Broken: The call got no answer.
            ConnectionFailed: The connection may not reach the address, or the certificate is invalid.
        """
        parts = urlsplit(url)
        origin = await self._origins.find(url, parts)
        asked_at = datetime.now(UTC)
        begun = time.perf_counter()
        try:
            response, body = await self._send(origin, parts, headers)
        except TimeoutError:
            raise Broken(f"no complete answer within {self._timeout:g} s") from None
        except httpx.ConnectError as error:
            if "CERTIFICATE" in str(error).upper():
                raise ConnectionFailed(
                    f"invalid certificate of {parts.hostname}", hint="check the certificate and the host name"
                ) from None
            self._origins.turn(parts)
            raise Broken(f"cannot reach {parts.hostname}") from None
        except httpx.RequestError as error:
            raise Broken(_WORDS.get(type(error).__name__, "the connection broke")) from None
        except httpx.InvalidURL:
            raise UsageError(
                f"invalid address {self.credential.clean_url(url)!r}", hint="check path and rows of the plan"
            ) from None
        # By the monotonic clock, so that an answer is never earlier than its request.
        answered_at = datetime.fromtimestamp(asked_at.timestamp() + time.perf_counter() - begun, UTC)
        return Reply(
            url=self.credential.clean_url(url),
            status=response.status_code,
            headers=self._kept(response.headers),
            body=self.credential.clean_bytes(body),
            asked_at=asked_at,
            answered_at=answered_at,
        )

    async def _send(
        self, origin: Origin, parts: SplitResult, headers: Mapping[str, str]
    ) -> tuple[httpx.Response, bytes]:
        query, sent = parts.query, {**self._headers, "Host": origin.host}
        if origin.keeps:  # another host gets neither the key nor the plan's headers
            sent |= {**headers, **self.credential.headers}
            if self.credential.parameters:
                query = "&".join(
                    filter(None, (query, urlencode(self.credential.parameters, quote_via=quote)))
                )
        address = urlunsplit((origin.scheme, origin.netlocs[0], parts.path or "/", query, ""))
        timeout = {"connect": self._timeout, "read": self._timeout, "write": self._timeout, "pool": None}
        extensions: dict[str, object] = {"timeout": timeout}
        if origin.sni is not None:
            extensions["sni_hostname"] = origin.sni
        async with asyncio.timeout(self._timeout):
            request = httpx.Request("GET", address, headers=sent, extensions=extensions)
            response = await self._transport(origin.scheme).handle_async_request(request)
            try:
                return response, await _read(response)
            finally:
                await response.aclose()

    def _kept(self, headers: httpx.Headers) -> dict[str, str]:
        return {name: self.credential.clean(value) for name, value in headers.items() if name not in _DROPPED}

    def _transport(self, scheme: str) -> httpx.AsyncHTTPTransport:
        """One connection per worker. A pool checks all of its connections before and after every call, which takes a
        third of the processor time with 16 connections.
        """
        lane = scheme, LANE.get() or 0
        if lane not in self._transports:
            # Reading the trusted certificates takes 50 ms, which plain HTTP does not need.
            if scheme == "https" and self._trusted is None:
                self._trusted = httpx.create_ssl_context()
            self._transports[lane] = httpx.AsyncHTTPTransport(verify=self._trusted or False, limits=_ONE)
        return self._transports[lane]


_WORDS = {
    "ReadTimeout": "no complete answer in time",
    "ConnectTimeout": "the host did not answer in time",
    "RemoteProtocolError": "the connection was closed before the answer was complete",
    "DecodingError": "the compressed answer is damaged",
    "ReadError": "the connection broke",
    "UnsupportedProtocol": "not an HTTP address",
}


async def _read(response: httpx.Response) -> bytes:
    """Read and decompress the body. httpx would decompress each piece at once, whatever it grows to."""
    inflated = _inflater(response.headers.get("content-encoding", ""))
    pieces = []
    size = 0
    async for packed in response.aiter_raw():
        for piece in inflated(packed):
            pieces.append(piece)
            size += len(piece)
            if size > _MOST_BYTES:
                raise Broken(f"the answer exceeds {_MOST_BYTES >> 20} MiB")
    if isinstance(inflated, _Inflated) and not inflated.is_complete:
        raise Broken("the compressed answer is damaged")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Inflated:
    """Decompresses one layer of gzip or deflate, at most `_PIECE_BYTES` at a time."""

    def __init__(self, encoding: str) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16 if encoding == "gzip" else zlib.MAX_WBITS)
        self._may_be_raw = encoding == "deflate"  # some servers leave out the header of zlib

    @property
    def is_complete(self) -> bool:
        return self._zlib.eof

    def __call__(self, packed: bytes) -> Iterator[bytes]:
        while packed and not self._zlib.eof:
            try:
                piece = self._zlib.decompress(packed, _PIECE_BYTES)
            except zlib.error:
                if not self._may_be_raw:
                    raise Broken("the compressed answer is damaged") from None
                self._zlib, self._may_be_raw = zlib.decompressobj(-zlib.MAX_WBITS), False
                continue
            self._may_be_raw = False
            packed = self._zlib.unconsumed_tail
            if piece:
                yield piece


def _inflater(encoding: str) -> Callable[[bytes], Iterator[bytes]]:
    """Return a function that decompresses pieces of a body.

    Raises:
        Broken: The body is compressed in a way that was not offered, or more than once.
    """
    encoding = encoding.strip().lower().removeprefix("x-")
    if encoding in ("", "identity"):
        return lambda piece: iter((piece,))
    if encoding in ("gzip", "deflate"):
        return _Inflated(encoding)
    raise Broken(f"the answer is compressed with {encoding[:40]!r}, and only gzip or deflate was offered")
