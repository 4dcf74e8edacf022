"""Fault injection: switches that decide by a seed, so that the same requests get the same failures."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

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
