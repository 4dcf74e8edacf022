"""Airflow's health report, and the time since the last heartbeat of its components."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime
from typing import Any, Generic, TypeVar

_TIMEOUT_S = 5.0
_COMING_UP_S = 0.3  # maximum age of a report; each one costs the api-server three queries


class Health:
    """Polls Airflow's health report.

    Args:
        url: URL of the api-server, such as `http://127.0.0.1:5884`.
        pool: Runs the requests.
        clock: A monotonic clock in seconds that stops while the machine is suspended.
    """

    def __init__(self, url: str, pool: Executor, clock: Clock = time.monotonic) -> None:
        self._poll = Poll(lambda: fetch(f"{url}/api/v2/monitor/health"), pool, clock)
        self._report: dict[str, Any] = {}
        self._silence_s: dict[str | None, float] = {}

    def answers(self) -> bool:
        """Whether the api-server answers and reaches its database."""
        self._look(_COMING_UP_S)
        return _is_well(self._report)

    def beats(self, part: str, since: float) -> bool:
        """Whether the part sent a heartbeat after this time; older heartbeats are from an earlier process."""
        self._look(_COMING_UP_S)
        beat = _beat(self._report, part)
        return beat is not None and datetime.fromisoformat(beat).timestamp() >= since

    def silence_s(self, part: str | None = None) -> float:
        """Return the seconds without a heartbeat of the part, by default the api-server.

        Time in which the api-server or the database did not answer does not count for other parts.
        """
        self._look(UP_S)
        return self._silence_s.get(part, 0.0)

    def _look(self, every_s: float) -> None:
        if (found := self._poll.look(every_s)) is None:
            return
        report, passed_s = found
        before, self._report = self._report, report
        silence = self._silence_s
        silence[None] = 0.0 if report else silence.get(None, 0.0) + passed_s
        if _is_well(report):
            for part in report:
                moved = _beat(report, part) != _beat(before, part)
                silence[part] = 0.0 if moved else silence.get(part, 0.0) + passed_s


def _is_well(report: dict[str, Any]) -> bool:
    return bool(report.get("metadatabase", {}).get("status") == "healthy")


def _beat(report: dict[str, Any], part: str) -> str | None:
    found = report.get(part, {}).get(f"latest_{part}_heartbeat")
    return None if found is None else str(found)


def fetch(url: str, timeout_s: float = _TIMEOUT_S) -> dict[str, Any]:
    """Fetch a JSON object; empty if the URL does not answer with one."""
    # Without proxies, because the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            found = json.load(answer)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


UP_S = 5.0  # interval between checks of a running part
# Longer gaps between two answers do not count as silence, because the supervisor itself may have been suspended.
_MOST_S = 15.0

Answer = TypeVar("Answer")
Clock = Callable[[], float]


class Poll(Generic[Answer]):
    """A repeated check that never blocks the caller.

    Args:
        ask: The check; may be slow, must not raise.
        pool: Runs the check.
        clock: A monotonic clock in seconds that stops while the machine is suspended.
    """

    def __init__(self, ask: Callable[[], Answer], pool: Executor, clock: Clock = time.monotonic) -> None:
        self._ask = ask
        self._pool = pool
        self._clock = clock
        self._asking: Future[Answer] | None = None
        self._answered: float | None = None

    def look(self, every_s: float) -> tuple[Answer, float] | None:
        """Return a new answer and the seconds since the previous one, if any; start the next check when it is due."""
        found = None
        if self._asking is not None and self._asking.done():
            now = self._clock()
            passed_s = 0.0 if self._answered is None else min(now - self._answered, _MOST_S)
            found = self._asking.result(), passed_s
            self._asking, self._answered = None, now
        if self._asking is None and (self._answered is None or self._clock() - self._answered >= every_s):
            self._asking = self._pool.submit(self._ask)
        return found


class Pulse:
    """Measures the time without a heartbeat.

    Args:
        is_alive: Whether there is a heartbeat; may be slow.
        pool: Runs the check.
        clock: A monotonic clock in seconds that stops while the machine is suspended.
    """

    def __init__(self, is_alive: Callable[[], bool], pool: Executor, clock: Clock = time.monotonic) -> None:
        self._poll = Poll(is_alive, pool, clock)
        self._silence_s = 0.0

    def silence_s(self) -> float:
        """Return the observed seconds without a heartbeat."""
        if (found := self._poll.look(UP_S)) is not None:
            is_alive, passed_s = found
            self._silence_s = 0.0 if is_alive else self._silence_s + passed_s
        return self._silence_s
