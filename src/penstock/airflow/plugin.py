"""Airflow plugin: the API server of the stack answers only to its own names."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin

from penstock.stack.port_config import ALLOWED_HOSTS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def is_allowed(host: str, allowed: Iterable[str]) -> bool:
    """Whether a Host header names one of these hosts, with any port.

    Starlette's middleware does not know IPv6 addresses.

    Example:
        >>> [is_allowed(host, ["localhost", "::1"]) for host in ("localhost:5884", "[::1]:5884", "evil.example")]
        [True, True, False]
    """
    try:
        return urlsplit(f"//{host}").hostname in set(allowed)
    except ValueError:
        return False


class HostCheck:
    """ASGI middleware that refuses requests to other names.

    A page on the internet can give its own name this machine's address (DNS rebinding). Its scripts could then use
    Airflow with the default login.
    """

    def __init__(self, app: App, allowed: Iterable[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] in ("http", "websocket"):
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            if not is_allowed(host, self._allowed):
                text = f"this server does not answer to the name {host!r}; add it to stack.hosts in penstock.toml\n"
                headers = [(b"content-type", b"text/plain; charset=utf-8")]
                await send({"type": "http.response.start", "status": 400, "headers": headers})
                await send({"type": "http.response.body", "body": text.encode()})
                return
        await self._app(scope, receive, send)


class PenstockPlugin(AirflowPlugin):
    """Adds the check where the stack asks for it; other installations of Airflow are not restricted."""

    name = "penstock"
    fastapi_root_middlewares: ClassVar[list[Any]] = [
        {"name": "Host check", "middleware": HostCheck, "kwargs": {"allowed": hosts.split(",")}}
        for hosts in filter(None, [os.environ.get(ALLOWED_HOSTS)])
    ]
