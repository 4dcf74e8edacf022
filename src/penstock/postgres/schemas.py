"""Creates missing schemas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg.sql import SQL, Composed, Identifier

from penstock.postgres.connect import PgConnection

# Not named penstock: it would be in the search path of a login of that name, as in the embedded servers.
LEDGER = "penstock_ledger"


def make_schema(connection: PgConnection, name: str, run: Callable[[Composed], Any] | None = None) -> None:
    """Create a missing schema: ``CREATE SCHEMA IF NOT EXISTS`` requires the privilege even if the schema exists.

    Args:
        run: Runs the statement; by default the connection.
    """
    row = connection.execute("SELECT to_regnamespace(quote_ident(%s)) IS NULL AS missing", [name]).fetchone()
    if row is not None and row["missing"]:
        # Another session may create it at the same time.
        (run or connection.execute)(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(name)))
