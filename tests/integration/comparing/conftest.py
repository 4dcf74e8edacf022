"""Two databases that commands find under the names `source` and `warehouse`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.databases import uri

from penstock.cli.main import main
from penstock.model.connection import Connection
from penstock.routes.comparison import Comparison, compare

Run = Callable[..., None]


@pytest.fixture
def sides(source: Connection, warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs the same SQL on both, or different SQL on each."""
    monkeypatch.setenv("PENSTOCK_CONN_SOURCE", uri(source))
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", uri(warehouse))

    def run(left: str, right: str | None = None) -> None:
        for connection, statements in ((source, left), (warehouse, left if right is None else right)):
            with psycopg.connect(uri(connection), autocommit=True) as session:
                session.execute(statements)

    return run


@pytest.fixture
def compared(sides: Run) -> Callable[..., Comparison]:
    """The comparison of the table `t` on both."""
    return lambda **options: compare("source:t", "warehouse:t", **options)


@pytest.fixture
def diff(sides: Run, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Runs `penstock diff` of the table `t` on both; its exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, Any]:
        code = main(["diff", "source:t", "warehouse:t", *arguments])
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in arguments else out + err

    return run
