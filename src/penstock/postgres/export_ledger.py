"""The account of exports, in the ledger of the source database."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import psycopg

from penstock.model.connection import Connection
from penstock.model.result import KeptReject
from penstock.ports import Entry
from penstock.postgres import ledger
from penstock.postgres.connect import PgConnection, connect, refused

NO_TABLE = 0  # the oid in the ledger for targets outside this database
_MAY_NOT_WRITE = ("42501", "25006")  # no privilege; a standby


def keep_account(connection: PgConnection, entry: Entry, rejects: Iterable[KeptReject] = ()) -> None:
    """Write the account to the ledger if this login may; called in a transaction.

    Args:
        rejects: The rejected rows; not read if the account cannot be written.

    Raises:
        psycopg.Error: For any other error of the server.
    """
    try:
        with connection.transaction():
            ledger.prepare(connection)
            run = ledger.next_run(connection)
            ledger.record(connection, entry, run=run, oid=NO_TABLE)
            ledger.keep_rejects(connection, run, rejects)
    except psycopg.Error as error:
        if error.sqlstate not in _MAY_NOT_WRITE:
            raise


def keep_other_account(source: Connection, entry: Entry, rejects: Iterable[KeptReject] = ()) -> None:
    """Write the account of a load into another system next to that of its export, unless it exists.

    Args:
        rejects: See :func:`keep_account`.

    Raises:
        ConnectionFailed: If the database cannot be reached or entered.
        TargetError: If the server refuses it.
    """
    with closing(connect(source)) as opened:
        try:
            with opened.transaction():
                if not _is_kept(opened, entry):
                    keep_account(opened, entry, rejects)
        except psycopg.Error as error:
            raise refused(error, f"keeping the account in {source.name}") from None


def _is_kept(connection: PgConnection, entry: Entry) -> bool:
    if not ledger.exists(connection):
        return False
    found = connection.execute(
        "SELECT FROM penstock_ledger.copies WHERE id = %s AND target = %s LIMIT 1",
        [entry.result.id, entry.plan.target],
    )
    return found.fetchone() is not None
