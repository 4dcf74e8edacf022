"""A proxy of the store that returns given errors, as documented for S3."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from penstock.model.connection import Connection

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
EXPIRED = (400, "ExpiredToken", "The provided token has expired.")
DENIED = (403, "AccessDenied", "Access Denied")

# Which requests are refused, by method and path with query, after a number of accepted ones.
Refuses = Callable[[str, str, int], bool]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: Connection, answer: tuple[int, str, str], refuses: Refuses) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        place = urlsplit(store.extra["endpoint_url"])
        self.store = (str(place.hostname), int(place.port or 0))
        self.answer = answer
        self.refuses = refuses
        self.passed = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        assert isinstance(self.server, _Server)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.refuses(self.command, self.path, self.server.passed):
            status, code, message = self.server.answer
            text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
            self._answer(status, [("Content-Type", "application/xml")], text.encode())
            return
        self.server.passed += 1
        onward = http.client.HTTPConnection(*self.server.store, timeout=60)
        onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            onward.putheader(name, value)  # the host too: it is signed
        onward.endheaders(body)
        answer = onward.getresponse()
        headers = [
            (n, v) for n, v in answer.getheaders() if n.lower() not in ("transfer-encoding", "connection")
        ]
        self._answer(answer.status, headers, answer.read())
        onward.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815  # as the base class calls them

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if self.command == "HEAD" or name.lower() != "content-length":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def refusing(store: Connection, answer: tuple[int, str, str], refuses: Refuses) -> Iterator[str]:
    """The address of such a server, for as long as the block lasts."""
    with _Server(store, answer, refuses) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
