"""A rate limit for one machine, shared through a file."""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from penstock.model.api import Limit
from penstock.model.errors import ConnectionFailed
from penstock.ports import Granted, Return
from penstock.rest.ratelimit import LONGEST_PAUSE_S

_BUSY_S = 30.0
_SHORTEST_WAIT_S = 0.005

_CREATE = """
CREATE TABLE IF NOT EXISTS permits (
    api TEXT NOT NULL, slot INTEGER NOT NULL, free_at REAL NOT NULL, holder TEXT, PRIMARY KEY (api, slot)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pauses (api TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
"""


class FilePermits:
    """Permits in a file, shared by the processes of this machine; see docs/decisions/0050.

    Args:
        path: The file; created if missing.
        api: Identifies the API and the credential.
        lease_s: A permit that is not returned expires after this many seconds.
    """

    def __init__(self, path: Path, api: str, limit: Limit, lease_s: float) -> None:
        self._api = api
        self._limit = limit
        self._lease_s = lease_s
        self._lock = threading.Lock()
        self._holder = uuid.uuid4().hex
        try:
            self._file = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._file.execute("PRAGMA synchronous = OFF")  # after a power failure no calls are open
            self._file.executescript(_CREATE)
            self._file.execute(
                "INSERT OR IGNORE INTO permits (api, slot, free_at) WITH RECURSIVE slots(slot) AS ("
                " SELECT 0 UNION ALL SELECT slot + 1 FROM slots WHERE slot + 1 < ?) SELECT ?, slot, 0 FROM slots",
                (limit.calls, api),
            )
            self._forget_future()
        except sqlite3.Error as error:
            raise ConnectionFailed(
                f"cannot use the rate limit file {path}: {error}", hint="remove it"
            ) from None

    def _forget_future(self) -> None:
        """Times that are further ahead than any call can set them are from before the clock was set back."""
        now = time.time()
        furthest = now + max(self._limit.per_s, self._lease_s, LONGEST_PAUSE_S)
        self._file.execute(
            "UPDATE permits SET free_at = ? WHERE api = ? AND free_at > ?",
            (now + self._limit.per_s, self._api, furthest),
        )
        self._file.execute("DELETE FROM pauses WHERE api = ? AND until > ?", (self._api, furthest))

    def take(self, wanted: int, used: Sequence[Return]) -> Granted:
        """See :class:`penstock.ports.Permits`."""
        with self._lock:
            try:
                self._file.execute("BEGIN IMMEDIATE")
                try:
                    return self._take(wanted, used)
                finally:
                    self._file.execute("COMMIT")
            except sqlite3.Error as error:
                raise ConnectionFailed(f"cannot use the rate limit file: {error}", hint="try again") from None

    def _take(self, wanted: int, used: Sequence[Return]) -> Granted:
        now, steady = time.time(), time.monotonic()
        self._file.executemany(
            "UPDATE permits SET free_at = ?, holder = NULL WHERE api = ? AND slot = ? AND holder = ?",
            [(self._free_at(one, now, steady), self._api, one.slot, self._holder) for one in used],
        )
        paused = self._file.execute("SELECT until FROM pauses WHERE api = ?", (self._api,)).fetchone()
        if paused is not None and paused[0] > now:
            return Granted([], paused[0] - now)
        slots = self._file.execute(
            "UPDATE permits SET free_at = ?, holder = ? WHERE api = ? AND slot IN ("
            " SELECT slot FROM permits WHERE api = ? AND slot < ? AND free_at <= ? ORDER BY free_at LIMIT ?)"
            " RETURNING slot",
            (now + self._lease_s, self._holder, self._api, self._api, self._limit.calls, now, wanted),
        ).fetchall()
        (earliest,) = self._file.execute(
            "SELECT min(free_at) FROM permits WHERE api = ? AND slot < ?", (self._api, self._limit.calls)
        ).fetchone()
        return Granted([slot for (slot,) in slots], max(_SHORTEST_WAIT_S, earliest - now))

    def _free_at(self, used: Return, now: float, steady: float) -> float:
        return 0.0 if used.at is None else now - (steady - used.at) + self._limit.per_s

    def pause(self, seconds: float) -> None:
        """See :class:`penstock.ports.Permits`."""
        with self._lock:
            self._file.execute(
                "INSERT INTO pauses VALUES (?, ?) ON CONFLICT (api) DO UPDATE SET until = max(until, excluded.until)",
                (self._api, time.time() + min(seconds, LONGEST_PAUSE_S)),
            )

    def close(self) -> None:
        """See :class:`penstock.ports.Permits`."""
        with self._lock:
            self._file.close()
