"""Pointed at the real services by their connections, the pipelines send what they send the sandbox, byte for byte."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from tests.integration.gallery.conftest import Session

import penstock
from penstock.rest.landing import load_plan
from penstock_sandbox.client import Sandbox

DAY = "2013-02-19"
MOMENT = datetime(2013, 2, 19, 12, tzinfo=UTC)


class Recorder(ThreadingHTTPServer):
    """A server of its own that hands requests on to the sandbox, and notes down each as it came."""

    def __init__(self, sandbox: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sandbox = sandbox
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def do_GET(self) -> None:
        lines = [self.requestline, *(f"{name}: {value}" for name, value in self.headers.items())]
        self.server.requests.append("\n".join(lines).replace(f":{self.server.server_port}", ":PORT"))
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                self.server.sandbox + self.path
            ) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def recorders(sandbox: Sandbox) -> Iterator[tuple[Recorder, Recorder]]:
    both = Recorder(sandbox.url), Recorder(sandbox.url)
    for one in both:
        threading.Thread(target=one.serve_forever, daemon=True).start()
    yield both
    for one in both:
        one.shutdown()
        one.server_close()


def run_pipelines(project: Path, market: ModuleType, lake: str) -> None:
    """The asking parts of both."""
    market.extract_market_data(DAY, "True")
    plan = load_plan(
        project / "dags" / "weather" / "current.yaml",
        lambda text: text.replace("{{ var.value.openweathermap_limit }}", "1000/second"),
    )
    penstock.land(plan, lake, values={"moment": int(MOMENT.timestamp())}, label="now")


def test_only_the_address_and_the_key_differ(
    world: Path,
    market: ModuleType,
    weather: ModuleType,
    recorders: tuple[Recorder, Recorder],
    monkeypatch: pytest.MonkeyPatch,
    session: Session,
) -> None:
    sandbox, real = recorders
    (world / "environments" / "prod.yaml").write_text(
        "inherits: base\n"
        "connections:\n"
        f"  polygon: {{type: http, host: '{real.url}'}}\n"
        f"  openweathermap: {{type: http, host: '{real.url}'}}\n"
        "variables:\n"
        "  polygon_limit: 1000/second\n"
    )
    session.execute((world / "dags" / "weather" / "create_tables.sql").read_bytes())
    weather.choose_cities()

    monkeypatch.setenv("PENSTOCK_CONN_SANDBOX", sandbox.url)
    run_pipelines(world, market, "lake:weather/sandbox")

    monkeypatch.setenv("PENSTOCK_ENV", "prod")
    monkeypatch.setenv("AIRFLOW_VAR_POLYGON_API_KEY", "a-real-key-of-polygon")
    monkeypatch.setenv("AIRFLOW_VAR_OPENWEATHERMAP_API_KEY", "a-real-key-of-openweathermap")
    run_pipelines(world, market, "lake:weather/real")

    assert len(real.requests) == 10
    assert not any("sandbox-" in request for request in real.requests)
    assert sorted(map(with_sandbox_keys, real.requests)) == sorted(sandbox.requests)


def with_sandbox_keys(request: str) -> str:
    return request.replace("a-real-key-of-polygon", "sandbox-prices-paid").replace(
        "a-real-key-of-openweathermap", "sandbox-weather-paid"
    )
