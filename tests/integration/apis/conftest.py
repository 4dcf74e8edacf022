"""A project with a lake, a web service under the name `api`, and a warehouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query, asking, uri
from tests.integration.apis.service import KEY, Service, serving

from penstock.model.connection import Connection
from penstock.postgres.connect import connect

Plan = Callable[..., dict[str, Any]]


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as running:
        yield running


@pytest.fixture
def lake(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the lake, in a project in which the service is `api`."""
    (tmp_path / "penstock.toml").write_text('[project]\nname = "tests"\n')
    monkeypatch.setenv("PENSTOCK_PROJECT", str(tmp_path))
    monkeypatch.setenv("PENSTOCK_CONN_API", f"http://:{KEY}@127.0.0.1:{service.port}")
    return tmp_path / ".penstock" / "lake"


@pytest.fixture
def plan() -> Plan:
    """A plan as people write it, with quick retries."""

    def make(**more: Any) -> dict[str, Any]:
        usual = {
            "source": "api:/weather",
            "auth": {"query": "appid"},
            "retries": {"attempts": 4, "first_wait_s": 0.01, "longest_wait_s": 0.05},
            "columns": {"id": "id", "name": "name", "temperature": "main.temp", "sky": "weather.0.main"},
        }
        return {**usual, **more}

    return make


@pytest.fixture
def query(warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Query]:
    """Runs SQL in the warehouse, which `penstock.copy` finds under its name."""
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", uri(warehouse))
    with connect(warehouse) as session:
        yield asking(session)


def cities(count: int) -> list[dict[str, Any]]:
    return [{"id": number} for number in range(count)]
