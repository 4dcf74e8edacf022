"""`penstock connection test` against servers that are there, and against what goes wrong with them."""

from __future__ import annotations

import socket
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from psycopg import sql
from tests.databases import enter

from penstock.devtools.connection_test import try_connection
from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed, PenstockError


def test_postgres(warehouse: Connection) -> None:
    steps = dict(try_connection(warehouse))
    assert list(steps) == ["name", "network", "login", "database", "right"]
    assert steps["login"] == warehouse.login
    assert steps["database"].startswith(f"{warehouse.database}, PostgreSQL 18")
    assert steps["right"] == "can create schemas"


def failing(connection: Connection) -> tuple[list[str], str]:
    """The steps that went well, and what was said of the one that did not."""
    done: list[str] = []
    with pytest.raises(PenstockError) as caught:
        done.extend(step for step, _ in try_connection(connection))
    text = f"{caught.value.message} {caught.value.hint}"
    assert connection.password is None or connection.password.reveal() not in text
    return done, text


def test_postgres_fails_at_each_step(warehouse: Connection) -> None:
    done, text = failing(replace(warehouse, host="nowhere.invalid"))
    assert (done, "unknown host 'nowhere.invalid'" in text) == ([], True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        done, text = failing(replace(warehouse, port=free.getsockname()[1]))
    assert (done, "nothing listens there" in text) == (["name"], True)
    done, text = failing(replace(warehouse, password=Secret("hunter2")))
    assert (done, "the login or the password is wrong" in text) == (["name", "network"], True)
    done, text = failing(replace(warehouse, database="nowhere"))
    assert (done, "no database of this name" in text) == (["name", "network"], True)


def test_a_login_without_rights(warehouse: Connection) -> None:
    with enter(warehouse) as session:
        reader = f"reader_of_{warehouse.database}"
        session.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'tiger'").format(sql.Identifier(reader)))
        try:
            steps = dict(try_connection(replace(warehouse, login=reader, password=Secret("tiger"))))
        finally:
            session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(reader)))
    assert steps["right"] == "cannot create schemas"


class Service(BaseHTTPRequestHandler):
    """Lets in who knows etl:hunter2, and redirects."""

    seen: list[tuple[str, str | None]]
    elsewhere: str

    def do_HEAD(self) -> None:
        given = self.headers["Authorization"]
        self.seen.append((self.path, given))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", self.elsewhere)
        elif self.path == "/closed" and (given is None or b64decode(given[6:]) != b"etl:hunter2"):
            self.send_response(401)
        else:
            self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[tuple[Connection, type[Service]]]:
    handler = type("Handler", (Service,), {"seen": [], "elsewhere": "/open"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    yield Connection(name="api", type="http", host=address, login="etl", password=Secret("hunter2")), handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_http(service: tuple[Connection, type[Service]]) -> None:
    api, handler = service
    assert dict(try_connection(replace(api, host=f"{api.host}/closed")))["login"] == "answers 200"
    assert dict(try_connection(replace(api, host=f"{api.host}/moved")))["login"] == "answers 200"
    assert [given is not None for _, given in handler.seen] == [True, True, True], "its own origin is trusted"
    done, text = failing(replace(api, host=f"{api.host}/closed", password=Secret("tiger")))
    assert (done, "answers 401: wrong login or password" in text) == (["name", "network"], True)
    done, text = failing(replace(api, host=f"{api.host}x"))
    assert done == []


def test_a_redirect_takes_no_credentials_to_another_host(service: tuple[Connection, type[Service]]) -> None:
    api, handler = service
    assert api.host is not None
    handler.elsewhere = api.host.replace("127.0.0.1", "localhost") + "/other"
    assert dict(try_connection(replace(api, host=f"{api.host}/moved")))["login"] == "answers 200"
    assert handler.seen[0][1] is not None
    assert handler.seen[1] == ("/other", None)


@pytest.mark.parametrize(
    "elsewhere", ["http://169.254.169.254/latest/", "file:///etc/passwd", "//[fe80::1]/"]
)
def test_a_redirect_leads_nowhere_forbidden(
    service: tuple[Connection, type[Service]], elsewhere: str
) -> None:
    api, handler = service
    handler.elsewhere = elsewhere
    with pytest.raises(ConnectionFailed, match=r"may not reach|not an HTTP URL"):
        list(try_connection(replace(api, host=f"{api.host}/moved")))
    assert len(handler.seen) == 1


def test_a_circle_of_redirects_ends(service: tuple[Connection, type[Service]]) -> None:
    api, handler = service
    handler.elsewhere = "/moved"
    assert "redirected" in failing(replace(api, host=f"{api.host}/moved"))[1]


def test_others(service: tuple[Connection, type[Service]]) -> None:
    port = int(str(service[0].host).rpartition(":")[2])
    odd = Connection(name="odd", type="kafka", host="127.0.0.1", port=port)
    assert [step for step, _ in try_connection(odd)] == ["name", "network"]
    assert "host or port is missing" in failing(replace(odd, port=None))[1]


@pytest.mark.parametrize(
    ("kind", "package", "module"),
    [
        ("s3", "boto3", "penstock.objects.s3"),
        ("snowflake", "snowflake-connector-python", "penstock.snowflake.connect"),
    ],
)
def test_what_is_not_installed_is_said(
    monkeypatch: pytest.MonkeyPatch, kind: str, package: str, module: str
) -> None:
    monkeypatch.setattr(f"{module}.find_spec", lambda _: None)
    _, text = failing(Connection(name="lake", type=kind))
    assert f"{package} is not installed" in text
    assert f"penstock[{kind}]" in text
