"""A rate limit for all machines that share a credential, kept in a shared database."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, TypeVar

import psycopg

from penstock.model.api import Limit
from penstock.model.connection import Connection
from penstock.model.errors import PenstockError
from penstock.ports import Granted, Return
from penstock.postgres.connect import PgConnection, connect, lock_number, refused
from penstock.postgres.create_table import LEDGER, make_schema
from penstock.postgres.queries import queries
from penstock.rest.ratelimit import LONGEST_PAUSE_S

_SQL = queries(__package__, "permits.sql")
_MAKING = lock_number("the tables of limits")
# Rows that another process has locked are skipped. The locks last one statement, so a retry follows soon.
_SHORTEST_WAIT_S = 0.005

Result = TypeVar("Result")


class PostgresPermits:
    """Permits in the schema ``penstock_ledger`` of a database; see docs/decisions/0050.

    Args:
        api: Identifies the API and the credential.
        lease_s: A permit that is not returned expires after this many seconds.

    Raises:
        ConnectionFailed: The server cannot be reached, or refuses the login.
    """

    def __init__(self, connection: Connection, api: str, limit: Limit, lease_s: float) -> None:
        self._to = connection
        self._words = {
            "api": api,
            "calls": limit.calls,
            "per_s": limit.per_s,
            "lease_s": lease_s,
            "holder": uuid.uuid4(),
            "furthest_s": max(limit.per_s, lease_s, LONGEST_PAUSE_S),
        }
        self._lock = threading.Lock()
        self._session = connect(connection)
        self._safely(self._prepare)

    def take(self, wanted: int, used: Sequence[Return]) -> Granted:
        """See :class:`penstock.ports.Permits`."""
        return self._safely(lambda: self._take(wanted, used))

    def pause(self, seconds: float) -> None:
        """See :class:`penstock.ports.Permits`."""
        words = {**self._words, "seconds": min(seconds, LONGEST_PAUSE_S)}
        self._safely(lambda: self._session.execute(_SQL["pause"], words))

    def close(self) -> None:
        """See :class:`penstock.ports.Permits`."""
        with self._lock:
            self._session.close()

    def _prepare(self) -> None:
        with self._session.transaction():
            there = self._session.execute(_SQL["exists"]).fetchone()
            if there is None or not there["there"]:
                self._session.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
                make_schema(self._session, LEDGER)
                self._session.execute(_SQL["create"])
            self._session.execute(_SQL["fill"], self._words)
            self._session.execute(_SQL["forget_future"], self._words)

    def _take(self, wanted: int, used: Sequence[Return]) -> Granted:
        now = time.monotonic()
        back: dict[str, Any] = {
            **self._words,
            "slots": [one.slot for one in used],
            "ago_s": [None if one.at is None else now - one.at for one in used],
        }
        # One round trip for all three.
        with self._session.pipeline():
            if used:
                self._session.execute(_SQL["give_back"], back)
            taken = self._session.execute(_SQL["take"], {**self._words, "wanted": wanted})
            waiting = self._session.execute(_SQL["wait"], self._words)
        slots = [int(row["slot"]) for row in taken.fetchall()]
        row = waiting.fetchone()
        wait_s = _SHORTEST_WAIT_S if row is None or row["wait_s"] is None else float(row["wait_s"])
        return Granted(slots, max(wait_s, _SHORTEST_WAIT_S))

    def _safely(self, ask: Callable[[], Result]) -> Result:
        """Run a query; if the connection broke, retry once on a new one."""
        with self._lock:
            for last in (False, True):
                try:
                    return ask()
                except psycopg.OperationalError as error:
                    if last or not self._session.broken:
                        raise refused(error, f"requesting permits from {self._to.name}") from None
                    self._session = connect(self._to)
                except psycopg.Error as error:
                    raise refused(error, f"asking {self._to.name} for permits to call") from None
        raise AssertionError  # the second try returned or raised


@contextmanager
def held(connection: Connection, *names: str) -> Iterator[None]:
    """Hold the locks of these names within the block, against processes on all machines.

    Raises:
        PenstockError: Another process holds one of them.
        ConnectionFailed: The server cannot be reached, or refuses the login.
    """
    with closing(connect(connection)) as session:
        if not _is_mine(session, names):
            raise PenstockError(f"another process is landing {names[0]}", hint="wait until it ends")
        yield


def _is_mine(session: PgConnection, names: Sequence[str]) -> bool:
    row = session.execute(_SQL["lock"], {"number": lock_number(*names)}).fetchone()
    return row is not None and bool(row["mine"])
