"""Reads the ledger and the quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from penstock.model.connection import Connection
from penstock.model.errors import UsageError
from penstock.postgres import ledger
from penstock.postgres.connect import PgConnection, connect, refused
from penstock.postgres.queries import queries

_SQL = queries(__package__, "ledger.sql")


class Records:
    """The ledger and the quarantine of one database. Rows are dictionaries by column name."""

    def __init__(self, connection: PgConnection) -> None:
        self._connection = connection
        self._kept = ledger.exists(connection)

    def copies(self, limit: int) -> list[dict[str, Any]]:
        """The latest copies, newest first."""
        return self._rows("list", limit=limit)

    def find(self, id_prefix: str) -> dict[str, Any]:
        """The latest run of the copy with this id prefix.

        Raises:
            UsageError: If there is no such copy, or several.
        """
        found = self._rows("find", id=id_prefix)
        ids = {row["id"] for row in found}
        if not ids:
            raise UsageError(f"no copy {id_prefix!r} in the ledger", hint="see penstock ledger list")
        if len(ids) > 1:
            raise UsageError(
                f"{len(ids)} copies begin with {id_prefix!r}", hint="give more characters of the id"
            )
        return found[0]

    def outstanding(self) -> list[dict[str, Any]]:
        """Copies with rows in quarantine, one entry per reason."""
        return self._rows("outstanding")

    def rejects(
        self, run: int, *, reason: str | None = None, only_open: bool = False, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Rejected rows of one run, in the order of the source; ``only_open`` leaves out replayed ones."""
        return self._rows("quarantined", run=run, reason=reason, open=only_open, limit=limit)

    def _rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        return self._connection.execute(_SQL[query], values).fetchall() if self._kept else []


@contextmanager
def open_records(connection: Connection) -> Iterator[Records]:
    """The ledger and quarantine of the connection's database.

    Raises:
        ConnectionFailed: If connecting fails.
        TargetError: If a query fails.
    """
    with connect(connection) as opened:
        try:
            yield Records(opened)
        except psycopg.Error as error:
            raise refused(error, f"reading the ledger of {connection.name}") from None
