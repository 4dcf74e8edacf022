"""Authentication, rate limit and retries of API calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from penstock.model.errors import UsageError
from penstock.model.plan_files import STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of calls in any window of time, shared by all processes with the same credential.

    Args:
        calls: Maximum number of calls in a window.
        per_s: Length of the window in seconds.
        shared: The postgres connection through which machines share the limit. By default, the
            connection ``warehouse`` if the environment declares it, else a file on this machine.

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
            raise UsageError(
                f"invalid limit of {self.calls} calls in {self.per_s:g} s", hint="allow at least one call"
            )

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
            raise UsageError(f"invalid limit {text!r}", hint="write it as 60/minute") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How 429, 5xx, timeouts and broken connections are retried.

    Args:
        attempts: Maximum number of calls for one request; 0 means unlimited within ``patience_s``.
        patience_s: A request fails after this many seconds, not counting the time it waits for a permit. With an hour,
            a landing survives an hour in which the service is down.
        first_wait_s: Wait before the second call; doubled each time, with jitter. ``Retry-After`` takes precedence.
        longest_wait_s: Longest wait between two calls, unless ``Retry-After`` is longer.
        failures: The landing ends after more than this many failed requests.
    """

    __pydantic_config__ = STRICT

    attempts: int = 6
    patience_s: float = 120.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    failures: int = 10


Place = Literal["none", "query", "header", "bearer", "basic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How the key is sent.

    Args:
        place: ``query`` or ``header`` (under ``name``), ``bearer``, ``basic`` (with the connection's login), ``none``.
        name: Name of the parameter or the header.
        variable: The variable that holds the key; None means the connection's password.
    """

    __pydantic_config__ = STRICT

    place: Place = "none"
    name: str | None = None
    variable: str | None = None

    @classmethod
    def parse(cls, text: str) -> Auth:
        """Read ``query:NAME``, ``header:NAME``, ``bearer``, ``basic`` or ``none``.

        Raises:
            UsageError: If the text is none of these.
        """
        from penstock.model.plan_files import validated

        return validated(cls, written_out(text))

    def __post_init__(self) -> None:
        if (self.place in ("query", "header")) != (self.name is not None):
            raise UsageError(
                f"auth {self.place!r} {'needs a name' if self.name is None else 'takes no name'}",
                hint="write auth: {query: appid}, {header: X-Api-Key}, bearer, basic or none",
            )


def written_out(given: Any) -> Any:
    """The fields that a short form stands for: ``query:NAME``, ``{query: NAME}``, ``bearer`` and the like."""
    if isinstance(given, str):
        place, _, name = given.partition(":")
        return {"place": place, "name": name or None}
    if isinstance(given, Mapping) and "place" not in given:
        rest = {name: value for name, value in given.items() if name not in ("query", "header")}
        for place in ("query", "header"):
            if place in given:
                return {**rest, "place": place, "name": given[place]}
    return given
