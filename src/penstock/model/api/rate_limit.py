"""How often an API is called, and how often in vain."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.model.api.strictness import STRICT
from penstock.model.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many calls in any stretch of time of this length, together with all who share the credential.

    Args:
        calls: At most so many.
        per_s: In any stretch of so many seconds.
        shared: The postgres connection through which machines share the limit. By default the connection
            ``warehouse`` where the environment declares one, else a file of this machine.

    Example:
        >>> Limit.parse("60/minute")
        Limit(calls=60, per_s=60.0, shared=None)
    """

    __pydantic_config__ = STRICT

    calls: int
    per_s: float = 60.0
    shared: str | None = None

    def __post_init__(self) -> None:
        if self.calls < 1 or self.per_s <= 0:
            raise UsageError(f"a limit of {self.calls} calls in {self.per_s:g} s", hint="allow one at least")

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``N/second``, ``N/minute``, ``N/hour``, ``N/day`` or ``N/SECONDS``.

        Raises:
            UsageError: If the text is none of these.
        """
        calls, _, per = text.replace(" ", "").partition("/")
        units = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
        try:
            return cls(calls=int(calls), per_s=units[per] if per in units else float(per.removesuffix("s")))
        except ValueError:
            raise UsageError(f"{text!r} is no limit", hint="write it as 60/minute") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """What is done about 429, 5xx, time-outs and broken connections.

    Args:
        attempts: Calls for one request at the most; 0 sets no bound but patience.
        patience_s: A request is given up when it has taken so long, waiting for a permit not counted. An hour makes a
            landing wait out an hour in which the service is down.
        first_wait_s: Before the second call; doubled each time, with a random part. ``Retry-After`` comes before it.
        longest_wait_s: Between two calls, unless ``Retry-After`` says more.
        failures: The landing ends when more requests than this have been given up.
    """

    __pydantic_config__ = STRICT

    attempts: int = 6
    patience_s: float = 120.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    failures: int = 10
