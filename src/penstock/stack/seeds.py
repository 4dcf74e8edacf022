"""What a new source and a new warehouse hold."""

from __future__ import annotations

from typing import Any

import psycopg

from penstock.queries import queries


def fill_source(session: psycopg.Connection[Any]) -> None:
    """Make the table of products with its first rows, unless there is one: what became of it is the user's."""
    _make(session, with_rows=True)


def fill_warehouse(session: psycopg.Connection[Any]) -> None:
    """Make the table of products, empty, unless there is one."""
    _make(session, with_rows=False)


def _make(session: psycopg.Connection[Any], *, with_rows: bool) -> None:
    sql = queries("penstock.stack", "seeds.sql")
    with session.transaction():
        found = session.execute(sql["is_there"]).fetchone()
        if found is not None and found[0]:
            return
        session.execute(sql["table"])
        if with_rows:
            session.execute(sql["rows"])
