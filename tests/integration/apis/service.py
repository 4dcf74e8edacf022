"""A real HTTP server in a thread, which answers as a test says and notes what it was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.waiting import until

KEY = "sekrit-key-0123456789"


@dataclass(frozen=True)
class Asked:
    at: float
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    number: int


@dataclass(frozen=True)
class Say:
    """An answer: a document or bytes; ``drop`` breaks the connection in the middle of it."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    drop: bool = False

    @property
    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Behaviour = Callable[[Asked], Say]


def weather(asked: Asked) -> Say:
    """An answer of the usual shape, which holds the requested number."""
    number = int(asked.query.get("id", 0))
    main = {"temp": 280 + number / 100, "humidity": number % 100}
    return Say(
        {
            "id": number,
            "name": f"city {number}",
            "main": main,
            "weather": [{"main": "Rain"}],
            "dt": 1359712800,
        }
    )


class Handler(BaseHTTPRequestHandler):
    service: Service
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        service = self.service
        with service.lock:
            asked = Asked(
                time.monotonic(),
                parts.path,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                len(service.asked),
            )
            service.asked.append(asked)
        self._say(service.behave(asked))

    def _say(self, say: Say) -> None:
        time.sleep(say.after_s)
        data = say.data
        self.send_response(say.status)
        for name, value in {"Content-Type": "application/json", **say.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if say.drop:
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif say.status not in (204, 304):
            self.wfile.write(data)

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, OSError):
            self.close_connection = True  # the client was killed, or we dropped it

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Knows whom it has let in and with whom it is still busy, by their ports."""

    daemon_threads = True

    def __init__(self, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.seen: set[int] = set()
        self.busy: set[int] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.busy.add(client_address[1])
        self.seen.add(client_address[1])
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        self.busy.discard(client_address[1])


class Service:
    """The server; ``behave`` may be changed while it runs."""

    def __init__(self) -> None:
        self.behave: Behaviour = weather
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        self._server = Server(type("Bound", (Handler,), {"service": self}))
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settle(self) -> None:
        """Wait until all is noted that was asked by clients that are gone."""
        # They are let in in their order, so this one is the last.
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            number = last.getsockname()[1]
        until(lambda: number in self._server.seen and not self._server.busy, pause_s=0.002)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def serving() -> Iterator[Service]:
    service = Service()
    try:
        yield service
    finally:
        service.stop()
