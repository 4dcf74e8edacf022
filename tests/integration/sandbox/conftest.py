"""One sandbox for the worker; each test begins with its settings and counts cleared."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from tests.ports import reserved_port
from tests.waiting import until

from penstock.model.connection import Secret
from penstock_sandbox.client import Sandbox
from penstock_sandbox.state import Settings


@pytest.fixture(scope="session")
def server() -> Iterator[Sandbox]:
    with reserved_port() as port:
        token = secrets.token_hex(8)
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock_sandbox.serve", "--port", str(port), "--settings", "{}"],
            env={**os.environ, "PENSTOCK_SANDBOX_TOKEN": token},
        )
        url = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or is_healthy(url))
        assert process.poll() is None
        yield Sandbox(url, Secret(token))
        process.terminate()
        assert process.wait(60) is not None


def is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_sandbox/health", trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.apply(Settings())
    server.forget()
    return server


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, trust_env=False) as opened:
        yield opened
