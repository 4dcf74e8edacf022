"""A log of calls and answers, so that tests of a client can count its calls."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MOST = 200_000
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Args:
        at: Arrival time in seconds of the server's monotonic clock.
        request: Path and query, without the key.
        plan: Plan of the key; empty for an unknown key.
        trouble: Injected failures.
        headers: Headers of the request, if they are recorded, without those that could hold a key.
    """

    at: float
    service: str
    request: str
    plan: str
    status: int
    trouble: tuple[str, ...] = ()
    headers: Mapping[str, str] | None = None


class Journal:
    """The latest calls, and counts by service and status."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_MOST)
        self._counts: Counter[tuple[str, int]] = Counter()

    def add(self, call: Call) -> None:
        """Record a call."""
        self._calls.append(call)
        self._counts[call.service, call.status] += 1

    def clear(self) -> None:
        """Clear all calls."""
        self._calls.clear()
        self._counts.clear()

    def calls(self, service: str | None = None) -> Sequence[Call]:
        """Return the latest calls in order."""
        return [call for call in self._calls if service in (None, call.service)]

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the calls by service and status.

        Example:
            >>> journal = Journal()
            >>> journal.add(Call(0.0, "weather", "/data/2.5/weather?lat=1&lon=2", "free", 200))
            >>> journal.counts()
            {'weather': {'200': 1}}
        """
        found: dict[str, dict[str, int]] = {}
        for (service, status), count in sorted(self._counts.items()):
            found.setdefault(service, {})[str(status)] = count
        return found

    def most_in_window(self, window_s: float) -> dict[str, dict[str, int]]:
        """Return the maximum of accepted calls (all but 429) in any window of this length, by service and plan."""
        inside: dict[tuple[str, str], deque[float]] = {}
        most: dict[str, dict[str, int]] = {}
        for call in self._calls:
            if not call.plan or call.status == _TOO_MANY:
                continue
            window = inside.setdefault((call.service, call.plan), deque())
            window.append(call.at)
            while window[0] <= call.at - window_s:
                window.popleft()
            of_service = most.setdefault(call.service, {})
            of_service[call.plan] = max(of_service.get(call.plan, 0), len(window))
        return most
