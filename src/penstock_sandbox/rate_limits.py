"""The rate limits of the plans that keys belong to: so many calls in any stretch of a minute, and not one more."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What a key entitles to.

    Args:
        calls: In each window; None where they are not limited.
    """

    name: str
    calls: int | None


# Service -> key -> plan. They are no secrets: they open nothing but this sandbox.
KEYS: Mapping[str, Mapping[str, Plan]] = {
    "prices": {
        "sandbox-prices-free": Plan("free", 5),
        "sandbox-prices-paid": Plan("paid", None),
    },
    "weather": {
        "sandbox-weather-free": Plan("free", 60),
        "sandbox-weather-paid": Plan("paid", None),
    },
}


class Limiter:
    """Counts the calls of each key in a window that slides. Calls that it refuses do not count.

    Args:
        window_s: Seconds that a limit is about: 60, or fewer where time is scaled.
        now: A clock in seconds that never goes back.

    Example:
        >>> limiter = Limiter(60, now=iter([0.0, 1.0, 2.0]).__next__)
        >>> [limiter.wait_s("key", 2) for _ in range(3)]
        [0.0, 0.0, 58.0]
    """

    def __init__(self, window_s: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        self.window_s = window_s
        self._now = now
        self._calls: dict[str, deque[float]] = {}

    def wait_s(self, key: str, calls: int) -> float:
        """0 and the call is counted; or else how long to wait for the next one."""
        now = self._now()
        counted = self._calls.setdefault(key, deque())
        while counted and counted[0] <= now - self.window_s:
            counted.popleft()
        if len(counted) >= calls:
            return counted[0] + self.window_s - now
        counted.append(now)
        return 0.0

    def clear(self) -> None:
        """Forget all calls."""
        self._calls.clear()
