"""A source and a warehouse that `penstock.copy` finds under their names, and a session in each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.databases import Query, asking, uri

from penstock.model.connection import Connection
from penstock.postgres.connect import connect


@pytest.fixture(autouse=True)
def named(source: Connection, warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_SOURCE", uri(source))
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", uri(warehouse))


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
