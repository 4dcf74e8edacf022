"""The rate limits of the keys' plans: a maximum number of calls in any window of one minute."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a key.

    Args:
        calls: Maximum calls per window; None for no limit.
    """

    name: str
    calls: int | None


# Service -> key -> plan. The keys are not secret, because they open only this sandbox.
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
    """Counts the calls of each key in a sliding window. Refused calls do not count.

    Args:
        window_s: Length of the window in seconds: 60, or less if time is scaled.
        now: A monotonic clock in seconds.

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
        """Count the call and return 0; or, over the limit, return the seconds to wait."""
        now = self._now()
        counted = self._calls.setdefault(key, deque())
        while counted and counted[0] <= now - self.window_s:
            counted.popleft()
        if len(counted) >= calls:
            return counted[0] + self.window_s - now
        counted.append(now)
        return 0.0

    def clear(self) -> None:
        """Clear all calls."""
        self._calls.clear()
