"""A source, a warehouse and a bucket of its own for each test, found under their names."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

import pytest
from tests.databases import uri

from penstock.model.connection import Connection
from penstock.objects.s3 import S3Store
from penstock.postgres.connect import connect


def as_json(connection: Connection, **extra: str) -> str:
    assert connection.password is not None
    fields = {
        "conn_type": "aws",
        "login": connection.login,
        "password": connection.password.reveal(),
        "extra": {**connection.extra, **extra},
    }
    return json.dumps(fields)


@pytest.fixture(autouse=True)
def named(
    source: Connection, warehouse: Connection, objects: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_SOURCE", uri(source))
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", uri(warehouse))
    monkeypatch.setenv("PENSTOCK_CONN_OBJECTS", as_json(objects))


@pytest.fixture
def store(objects: Connection) -> S3Store:
    """A bucket of the test's own."""
    made = S3Store(objects, f"test-{secrets.token_hex(6)}")
    made.make_bucket()
    return made


@pytest.fixture
def execute(source: Connection) -> Callable[[str], list[dict[str, object]]]:
    """Runs SQL at the source."""

    def run(text: str) -> list[dict[str, object]]:
        with connect(source) as session:
            cursor = session.execute(text)
            return cursor.fetchall() if cursor.description else []

    return run
