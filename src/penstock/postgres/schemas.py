"""Makes schemas, and asks for the right to make one only where one is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg.sql import SQL, Composed, Identifier

from penstock.postgres.connect import PgConnection

# Not called penstock: a login of that name, as the embedded servers have, would look there first.
LEDGER = "penstock_ledger"


def make_schema(connection: PgConnection, name: str, run: Callable[[Composed], Any] | None = None) -> None:
    """Make a schema where there is none: ``CREATE SCHEMA IF NOT EXISTS`` demands the right to make one even then.

    Args:
        run: Runs the statement; by default the connection.
    """
    row = connection.execute("SELECT to_regnamespace(quote_ident(%s)) IS NULL AS missing", [name]).fetchone()
    if row is not None and row["missing"]:
        # Another session may make it at the same moment.
        (run or connection.execute)(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(name)))
