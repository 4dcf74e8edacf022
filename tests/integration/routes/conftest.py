"""One question, asked on every route: files, table to table, exports, comparisons."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from tests.databases import Query, uri
from tests.integration.tables.conftest import here, named, there

from penstock.model.connection import Connection, Secret

__all__ = ["here", "named", "there"]


@pytest.fixture
def login(
    source: Connection,
    warehouse: Connection,
    here: Query,
    there: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A login without rights of its own, as which the copies under test enter both databases."""
    name = f"test_{secrets.token_hex(6)}"
    role = sql.Identifier(name)
    with psycopg.connect(uri(source), autocommit=True) as session:
        session.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'narrow'").format(role))
    for variable, connection in (("SOURCE", source), ("WAREHOUSE", warehouse)):
        as_login = replace(connection, login=name, password=Secret("narrow"))
        monkeypatch.setenv(f"PENSTOCK_CONN_{variable}", uri(as_login))
    yield name
    drop = sql.SQL("DROP OWNED BY {}").format(role).as_string()
    here(drop)
    there(drop)
    here(sql.SQL("DROP ROLE {}").format(role).as_string())
