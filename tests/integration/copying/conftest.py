"""A warehouse that `penstock.copy` finds under its name, and shorthands to look into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from psycopg.rows import tuple_row

import penstock
from penstock.model.connection import Connection
from penstock.postgres.connect import PgConnection, connect

Query = Callable[..., list[tuple[Any, ...]]]
CopyText = Callable[..., penstock.CopyResult]


def uri(connection: Connection) -> str:
    assert connection.password is not None
    password = quote(connection.password.reveal(), safe="")
    place = f"{connection.host}:{connection.port}/{connection.database}"
    return f"postgres://{connection.login}:{password}@{place}?sslmode=disable"


@pytest.fixture(autouse=True)
def named(warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", uri(warehouse))


@pytest.fixture
def session(warehouse: Connection) -> Iterator[PgConnection]:
    with connect(warehouse) as opened:
        opened.prepare_threshold = None  # tests make tables anew under the same name
        yield opened


@pytest.fixture
def query(session: PgConnection) -> Query:
    """Runs SQL and gives its rows, if it has any, as tuples."""

    def run(text: str, *values: Any) -> list[tuple[Any, ...]]:
        with session.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def copy_text(tmp_path: Path) -> CopyText:
    """Writes text to a file and copies it; each text has a file of its own."""

    def copy(
        text: str, target: str = "warehouse:t", /, name: str = "in.csv", **options: Any
    ) -> penstock.CopyResult:
        path = tmp_path / name
        path.write_text(text)
        return penstock.copy(str(path), target, **options)

    return copy
