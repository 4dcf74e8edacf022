"""The account of what is no table's copy, kept by the database that the rows came from."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import psycopg

from penstock.model.connection import Connection
from penstock.model.reject import KeptReject
from penstock.ports import Entry
from penstock.postgres import ledger
from penstock.postgres.connect import PgConnection, connect, refused

NO_TABLE = 0  # the ledger's oid of a target that is no table here
_MAY_NOT_WRITE = ("42501", "25006")  # no right; a standby


def keep_account(connection: PgConnection, entry: Entry, rejects: Iterable[KeptReject] = ()) -> None:
    """Write the account into the ledger, where this login may write; called in a transaction.

    Args:
        rejects: The rows that were left out; not asked for where the account cannot be written.

    Raises:
        psycopg.Error: What the server has against it otherwise.
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
    """Write the account of a load elsewhere beside that of the export it loaded, if it is not there yet.

    Args:
        rejects: See :func:`keep_account`.

    Raises:
        ConnectionFailed: If the database cannot be reached or entered.
        TargetError: What the server has against it.
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
