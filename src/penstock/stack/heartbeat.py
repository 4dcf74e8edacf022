"""Signs of life: asked for beside everything else, because who hangs does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

UP_S = 5.0  # how often what is up is asked; each question costs it some work
# The longest time between two answers that counts as silence: the one who asks may have been halted himself.
_MOST_S = 15.0

Answer = TypeVar("Answer")
Clock = Callable[[], float]


class Poll(Generic[Answer]):
    """A question that is asked again and again, and never waited for.

    Args:
        ask: May take its time; it raises nothing.
        pool: Asks.
        clock: Seconds that only grow, and not while the machine sleeps.
    """

    def __init__(self, ask: Callable[[], Answer], pool: Executor, clock: Clock = time.monotonic) -> None:
        self._ask = ask
        self._pool = pool
        self._clock = clock
        self._asking: Future[Answer] | None = None
        self._answered: float | None = None

    def look(self, every_s: float) -> tuple[Answer, float] | None:
        """An answer that came since, and the seconds from the one before it to this; asks again when that is due."""
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
    """For how long something has given no sign of life.

    Args:
        is_alive: Whether it gives one; may take its time.
        pool: Asks.
        clock: Seconds that only grow, and not while the machine sleeps.
    """

    def __init__(self, is_alive: Callable[[], bool], pool: Executor, clock: Clock = time.monotonic) -> None:
        self._poll = Poll(is_alive, pool, clock)
        self._silence_s = 0.0

    def silence_s(self) -> float:
        """The seconds that were seen to pass without one."""
        if (found := self._poll.look(UP_S)) is not None:
            is_alive, passed_s = found
            self._silence_s = 0.0 if is_alive else self._silence_s + passed_s
        return self._silence_s
