"""Heartbeats, polled in threads because a hung process does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

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
