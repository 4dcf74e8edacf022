"""A warehouse that `penstock.copy` finds under its name, and shorthands to look into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query, asking, uri

import penstock
from penstock.model.connection import Connection
from penstock.postgres.connect import PgConnection, connect

CopyText = Callable[..., penstock.CopyResult]


@pytest.fixture(autouse=True)
def named(warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", uri(warehouse))


@pytest.fixture
def session(warehouse: Connection) -> Iterator[PgConnection]:
    with connect(warehouse) as opened:
        opened.prepare_threshold = None  # tests recreate tables under the same name
        yield opened


@pytest.fixture
def query(session: PgConnection) -> Query:
    return asking(session)


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
