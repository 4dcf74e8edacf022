"""A source and a warehouse that `penstock.copy` finds under their names, and a session in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg.rows import tuple_row
from tests.integration.copying.conftest import uri

from penstock.model.connection import Connection
from penstock.postgres.connect import PgConnection, connect

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def named(source: Connection, warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_SOURCE", uri(source))
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", uri(warehouse))


def asking(session: PgConnection) -> Query:
    session.prepare_threshold = None  # tests make tables anew under the same name

    def run(text: str, *values: Any) -> list[tuple[Any, ...]]:
        with session.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def here(source: Connection) -> Iterator[Query]:
    """Asks the source."""
    with connect(source) as session:
        yield asking(session)


@pytest.fixture
def there(warehouse: Connection) -> Iterator[Query]:
    """Asks the warehouse."""
    with connect(warehouse) as session:
        yield asking(session)
