"""Fault injection and rate limits: seeded failures, corrupted answers, calls per minute."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock_sandbox.http import Answer, json_answer

Trouble = Literal[
    "throttle", "error", "slow", "drop", "malformed", "wrong_type", "missing_field", "duplicate", "late"
]
_SPAN = 2**64


class Switch(BaseModel):
    """When one kind of failure happens. Any of `share`, `first` and `next` is sufficient.

    Args:
        share: Share of the calls, from 0 to 1, chosen by the seed, the request and its repetition count.
        first: Number of times that each request fails before it succeeds.
        next: Number of calls that fail from now on.
        burst: With `share`, the number of consecutive calls that share one choice.
        match: Affect only requests whose path and query contain this text.
        status: For `error`: the HTTP status.
        retry_after_s: For `throttle`: the value of the header `Retry-After`; None omits it.
        seconds: For `slow`: the duration of the answer.
        field: For `wrong_type` and `missing_field`: the field, such as `main.temp`; None for the service's main field.
        hours: For `late`: the age of the reading.
    """

    model_config = ConfigDict(extra="forbid")

    share: float = Field(default=0.0, ge=0, le=1)
    first: int = Field(default=0, ge=0)
    next: int = Field(default=0, ge=0)
    burst: int = Field(default=1, ge=1)
    match: str = ""
    status: int = Field(default=500, ge=400, le=599)
    retry_after_s: int | None = Field(default=None, ge=0)
    seconds: float = Field(default=1.0, ge=0, le=3600)
    field: str | None = None
    hours: int = Field(default=3, ge=1, le=24)


class Failures:
    """Decides which switches apply to a call.

    Example:
        >>> failures = Failures({"weather": {"error": Switch(first=1)}})
        >>> [list(failures.of("weather", "/data/2.5/weather?lat=1&lon=2")) for _ in range(2)]
        [['error'], []]
    """

    def __init__(
        self, switches: Mapping[str, Mapping[Trouble, Switch]] | None = None, *, seed: int = 0
    ) -> None:
        self._switches = {
            service: {trouble: one.model_copy() for trouble, one in of_service.items()}
            for service, of_service in (switches or {}).items()
            if of_service
        }
        self._seed = seed
        self._attempts: dict[str, int] = {}
        self._calls: dict[str, int] = {}

    def of(self, service: str, request: str) -> Mapping[Trouble, Switch]:
        """Return the failures of this call.

        Args:
            request: Path and query, without the key.
        """
        switches = self._switches.get(service)
        if not switches:
            return {}
        name = f"{service} {request}"
        attempt = self._attempts.get(name, 0)
        self._attempts[name] = attempt + 1
        call = self._calls.get(service, 0)
        self._calls[service] = call + 1
        return {
            trouble: switch
            for trouble, switch in switches.items()
            if switch.match in request and self._strikes(trouble, switch, name, (attempt, call))
        }

    def _strikes(self, trouble: Trouble, switch: Switch, name: str, counts: tuple[int, int]) -> bool:
        attempt, call = counts
        if switch.next > 0:
            switch.next -= 1
            return True
        if attempt < switch.first:
            return True
        # A burst does not depend on the request, because consecutive calls have different requests.
        what = (name, attempt) if switch.burst == 1 else (name.split(maxsplit=1)[0], call // switch.burst)
        return switch.share > 0 and self._chance(trouble, what) < switch.share

    def _chance(self, trouble: Trouble, what: tuple[str, int]) -> float:
        digest = blake2b(repr((self._seed, trouble, *what)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / _SPAN


WRONG = "not available"  # in place of a number


def malformed(answer: Answer) -> Answer:
    """Return only the first half of the JSON.

    Example:
        >>> malformed(Answer(200, b'{"a":1}')).body
        b'{"a'
    """
    return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)


def wrong_type(answer: Answer, field: str) -> Answer:
    """Put text into the field; returns the answer unchanged if it lacks the field.

    Example:
        >>> wrong_type(Answer(200, b'{"main":{"temp":271.4}}'), "main.temp").body
        b'{"main":{"temp":"not available"}}'
    """
    content = json.loads(answer.body)
    found = _holder(content, field)
    if found is None:
        return answer
    holder, name = found
    holder[name] = WRONG
    return json_answer(answer.status, content, *answer.headers)


def missing_field(answer: Answer, field: str) -> Answer:
    """Return the answer without the field.

    Example:
        >>> missing_field(Answer(200, b'{"main":{"temp":271.4}}'), "main.temp").body
        b'{"main":{}}'
    """
    content = json.loads(answer.body)
    found = _holder(content, field)
    if found is None:
        return answer
    holder, name = found
    del holder[name]
    return json_answer(answer.status, content, *answer.headers)


def _holder(content: Any, field: str) -> tuple[Any, Any] | None:
    """Return the container of the field, and its key or index there."""
    *way, last = field.split(".")
    for step in way:
        found = _step(content, step)
        if found is None:
            return None
        content = content[found]
    found = _step(content, last)
    return None if found is None else (content, found)


def _step(content: Any, name: str) -> str | int | None:
    if isinstance(content, dict):
        return name if name in content else None
    if isinstance(content, list) and name.isdigit() and int(name) < len(content):
        return int(name)
    return None


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
