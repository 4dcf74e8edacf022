"""The gallery with the sandbox behind its API connections and a database of the test behind the others."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from tests.databases import uri
from tests.integration.gallery.conftest import Session, gallery, run_dag, session, source_session
from tests.integration.sandbox.conftest import sandbox, server

from penstock.model.connection import Connection
from penstock_sandbox.client import Sandbox

__all__ = ["gallery", "run_dag", "sandbox", "server", "session", "source_session"]

CONNECTIONS = ("postgres_market_conn", "postgres_weather_conn")


@pytest.fixture
def world(
    gallery: Path, warehouse: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The gallery's directory, entered: its `include` can be imported, its connections lead to test servers."""
    monkeypatch.setenv("PENSTOCK_PROJECT", str(gallery))
    monkeypatch.setenv("PENSTOCK_CONN_SANDBOX", sandbox.url)
    for name in CONNECTIONS:
        monkeypatch.setenv(f"PENSTOCK_CONN_{name.upper()}", uri(warehouse))
    monkeypatch.syspath_prepend(gallery)
    _forget()
    yield gallery
    _forget()


@pytest.fixture
def market(world: Path) -> ModuleType:
    """The functions of both market DAGs, their tables made."""
    module = importlib.import_module("include.market")
    module.create_market_tables()
    return module


@pytest.fixture
def weather(world: Path) -> ModuleType:
    """The function of the weather DAG."""
    return importlib.import_module("include.weather")


def _forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "include"]:
        del sys.modules[name]


@pytest.fixture
def other_session(warehouse: Connection) -> Iterator[Callable[[], Session]]:
    """Opens further sessions, closed afterwards."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(psycopg.connect(uri(warehouse), prepare_threshold=None))
