"""One sandbox for the worker; each test begins with its settings and counts cleared."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from penstock.model.connection import Secret
from penstock.sandbox.client import Sandbox
from penstock.sandbox.state import Settings


@pytest.fixture(scope="session")
def server() -> Iterator[Sandbox]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    token = secrets.token_hex(8)
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock.sandbox.serve", "--port", str(port), "--settings", "{}"],
        env={**os.environ, "PENSTOCK_SANDBOX_TOKEN": token},
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        try:
            httpx.get(f"{url}/_sandbox/health", trust_env=False).raise_for_status()
            break
        except httpx.TransportError:
            time.sleep(0.05)
    yield Sandbox(url, Secret(token))
    process.terminate()
    assert process.wait(10) is not None


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.apply(Settings())
    server.forget()
    return server


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, trust_env=False) as opened:
        yield opened
