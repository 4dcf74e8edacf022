"""Messages to the log, to a webhook and by e-mail, as a connection says."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.tls import make_certificate

from penstock.airflow import notifier
from penstock.model.errors import ConnectionFailed


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Webhook(BaseHTTPRequestHandler):
    got: ClassVar[list[dict[str, Any]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append({"auth": self.headers.get("Authorization"), **json.loads(body)})
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a message needs."""

    got: ClassVar[list[str]] = []
    commands: ClassVar[list[bytes]] = []
    tls: ClassVar[ssl.SSLContext | None] = None

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().strip():
            word = line.split()[0].upper()
            self.commands.append(word)
            if word == b"EHLO":
                self.wfile.write(b"250-here\r\n250-AUTH PLAIN\r\n250-STARTTLS\r\n")
            if word == b"AUTH":
                self.wfile.write(b"235 fine\r\n")
                continue
            if word == b"STARTTLS" and self.tls is not None:
                self.wfile.write(b"220 go on\r\n")
                try:
                    secure = self.tls.wrap_socket(self.connection, server_side=True)
                except OSError:  # the client refuses the certificate
                    return
                self.connection = secure
                self.rfile = secure.makefile("rb")
                self.wfile = secure.makefile("wb", buffering=0)  # type: ignore[assignment]
                continue
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (text := self.rfile.readline()).strip() != b".":
                    lines.append(text.decode())
                self.got.append("".join(lines))
            self.wfile.write(b"250 fine\r\n" if word != b"QUIT" else b"221 bye\r\n")

    def finish(self) -> None:
        super().finish()
        self.connection.close()


def send(message: str = "{{ what }} failed") -> None:
    made = notifier.Notifier(message, subject="penstock")
    context = {"what": "labor"}
    made.render_template_fields(context)
    made.notify(context)


def test_a_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    Webhook.got.clear()
    monkeypatch.setattr(Webhook, "status", 200)
    with serving(HTTPServer(("127.0.0.1", 0), Webhook)) as port:
        monkeypatch.setenv("PENSTOCK_CONN_ALERTS", f"http://:token@127.0.0.1:{port}")
        send()

    assert Webhook.got == [{"auth": "Bearer token", "text": "labor failed"}]


def test_a_webhook_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Webhook, "status", 403)
    with serving(HTTPServer(("127.0.0.1", 0), Webhook)) as port:
        monkeypatch.setenv("PENSTOCK_CONN_ALERTS", f"http://:token@127.0.0.1:{port}")
        with pytest.raises(ConnectionFailed, match="alerts answers 403") as failed:
            send()
    assert "token" not in str(failed.value)


def test_an_e_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(socketserver.TCPServer(("127.0.0.1", 0), Mail)) as port:
        addresses = "from=penstock%40example.com&to=team%40example.com"
        monkeypatch.setenv("PENSTOCK_CONN_ALERTS", f"smtp://127.0.0.1:{port}/?{addresses}")
        send()

    (mail,) = Mail.got
    assert "Subject: penstock" in mail
    assert "To: team@example.com" in mail
    assert "labor failed" in mail


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate of the mail server, which asks for TLS."""
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setattr(Mail, "tls", context)
    monkeypatch.setattr(Mail, "commands", [])
    monkeypatch.setattr(Mail, "got", [])
    return certificate


def test_an_e_mail_with_tls(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(socketserver.TCPServer(("127.0.0.1", 0), Mail)) as port:
        url = f"smtp://me:s3cret@127.0.0.1:{port}/?to=team%40example.com&starttls=true"
        monkeypatch.setenv("PENSTOCK_CONN_ALERTS", url)
        with pytest.raises(ConnectionFailed, match="invalid certificate of alerts: self-signed"):
            send()
        assert Mail.commands == [b"EHLO", b"STARTTLS"]
        monkeypatch.setenv("PENSTOCK_CONN_ALERTS", f"{url}&cafile={authority}")
        send()

    assert b"AUTH" in Mail.commands
    assert len(Mail.got) == 1


def test_no_password_is_sent_to_another_machine_without_tls(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(socketserver.TCPServer(("127.0.0.1", 0), Mail)) as port:
        for plain in ("", "&starttls=false"):
            url = f"smtp://me:s3cret@127.0.0.1.example:{port}/?to=team%40example.com{plain}"
            monkeypatch.setenv("PENSTOCK_CONN_ALERTS", url)
            monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", port))])
            with pytest.raises(ConnectionFailed, match=r"without TLS|invalid certificate"):
                send()

    assert b"AUTH" not in Mail.commands


def test_without_a_connection_the_log_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # no project
    send()
