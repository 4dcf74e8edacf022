"""Initial contents of a new source and a new warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from penstock.postgres.queries import queries


def _make(session: psycopg.Connection[Any], *, with_rows: bool) -> None:
    sql = queries(__package__, "seeds.sql")
    with session.transaction():
        session.execute(sql["table"])
        if with_rows:
            session.execute(sql["rows"])


# By server name: the table of products, with rows in the source and empty in the warehouse.
SEEDS: Mapping[str, Callable[[psycopg.Connection[Any]], None]] = {
    "source": lambda session: _make(session, with_rows=True),
    "warehouse": lambda session: _make(session, with_rows=False),
}
