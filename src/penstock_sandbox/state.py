"""The settings and state of a running sandbox, and its log of calls."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penstock.model.errors import UsageError
from penstock_sandbox.cities import Population
from penstock_sandbox.fault_injection import Failures, Limiter, Switch, Trouble

ServiceName = Literal["prices", "weather", "course"]


class Settings(BaseModel):
    """Settings of a sandbox.

    Args:
        seed: Decides which calls the switches' shares affect.
        limits: Whether to enforce the rate limits of plans.
        window_s: Length of a plan's minute in seconds; 1 makes time run sixty times as fast.
        headers: Whether to record request headers.
        population: Minimum population of the cities that the weather service knows; applies from the next start.
        switches: Failures by service.
    """

    model_config = ConfigDict(extra="forbid")

    seed: int = 0
    limits: bool = True
    window_s: float = Field(default=60.0, gt=0, le=3600)
    headers: bool = False
    population: Population = 15000
    switches: dict[ServiceName, dict[Trouble, Switch]] = Field(default_factory=dict)


def parse_settings(text: str) -> Settings:
    """Parse settings from JSON, or from a JSON file.

    Raises:
        UsageError: The settings are invalid; the message has the place of the error.

    Example:
        >>> parse_settings('{"switches": {"weather": {"error": {"share": 0.1}}}}').switches["weather"]["error"].share
        0.1
    """
    try:
        content = text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8")
        return Settings.model_validate_json(content)
    except OSError as error:
        raise UsageError(f"cannot read the sandbox settings {text}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the text"
        raise UsageError(
            f"invalid sandbox settings: {where}: {first['msg']}", hint="see docs/reference/sandbox.md"
        ) from error


class State:
    """The current settings, and the state that depends on them."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.journal = Journal()
        self.apply(settings or Settings())

    def apply(self, settings: Settings) -> None:
        """Apply new settings, and reset failures and rate limits."""
        self.settings = settings
        self.limiter = Limiter(settings.window_s)
        self.failures = Failures(dict(settings.switches.items()), seed=settings.seed)


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
