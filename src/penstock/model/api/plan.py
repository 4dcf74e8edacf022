"""What is to be asked of a web API, and how its answers are to be read: one frozen, serialisable value."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.model.address import Api, parse
from penstock.model.api.auth import Auth
from penstock.model.api.rate_limit import Limit, Retries
from penstock.model.api.record_mapping import DEFAULT_ACTIONS, Action, Answers
from penstock.model.api.requests import Each, Pages, Since
from penstock.model.api.shorthand import lengthened
from penstock.model.api.strictness import STRICT
from penstock.model.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPlan:
    """Requests of one kind to one API, wholly described, and how their answers are to be read. It holds no secret.

    Args:
        source: ``connection:/path`` of a connection of type http; ``{name}`` is replaced by a value of the row.
        parameters: Of the query, with such placeholders. None sends every value of the row that the path does not use.
        headers: Sent with each request, with such placeholders.
        auth: Where the key goes. None goes by the connection's field ``auth``, such as ``query:appid``, ``bearer`` or
            ``basic``, and sends no key where there is none.
        each: One request for each of these rows.
        pages: How a long answer goes on; None where it does not.
        since: A parameter that grows from landing to landing.
        answers: How records are taken from the answers.
        statuses: What a status means: ``records``, ``absent`` (an answer without records, no error: a closed market
            day), ``error`` (kept, and the landing fails in the end), ``retry``, ``stop`` (the landing fails at once).
            ``4xx`` stands for all that are not named. By default 401 and 403 stop, 429 and 5xx are tried again.
        limit: How often the API may be called; None sets no limit.
        retries: What is done about 429, 5xx, time-outs and broken connections.
        concurrency: So many requests are under way at once, at the most.
        timeout_s: One call may take so long.
        cache: Whether an answer that the API declares to be still good is used instead of asking again.
        batch: So many answers are landed together, at the most.

    Example:
        >>> plan = ApiPlan.parse({
        ...     "source": "openweathermap:/data/2.5/weather",
        ...     "auth": {"query": "appid"},
        ...     "parameters": {"lat": "{lat}", "lon": "{lon}"},
        ...     "each": {"file": "cities.csv"},
        ...     "limit": "60/minute",
        ... })
        >>> plan.limit.calls
        60
    """

    __pydantic_config__ = STRICT

    source: str
    parameters: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Auth | None = None
    each: Each = field(default_factory=Each)
    pages: Pages | None = None
    since: Since | None = None
    answers: Answers = field(default_factory=Answers)
    statuses: Mapping[str, Action] = field(default_factory=dict)
    limit: Limit | None = None
    retries: Retries = field(default_factory=Retries)
    concurrency: int = 16
    timeout_s: float = 30.0
    cache: bool = True
    batch: int = 1000

    def __post_init__(self) -> None:
        if not isinstance(parse(self.source), Api):
            raise UsageError(f"{self.source!r} is no API", hint="write it as connection:/path")
        if self.concurrency < 1 or self.batch < 1 or self.timeout_s <= 0:
            raise UsageError("concurrency, batch and timeout_s begin at one", hint="leave them out")

    @property
    def connection(self) -> str:
        """Name of the connection."""
        return self.source.partition(":")[0]

    @property
    def path(self) -> str:
        """The path, placeholders and all."""
        return self.source.partition(":")[2]

    def action(self, status: int) -> Action:
        """What this status means."""
        for name in (str(status), f"{status // 100}xx"):
            for known in (self.statuses, DEFAULT_ACTIONS):
                if name in known:
                    return known[name]
        return "error"

    def to_json(self) -> str:
        """The plan as canonical JSON: equal plans give equal text."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"), default=str)

    @classmethod
    def from_json(cls, text: str) -> ApiPlan:
        """The plan that :meth:`to_json` wrote."""
        return cls.parse(json.loads(text))

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> ApiPlan:
        """The plan that a YAML or TOML document describes.

        ``auth: {query: appid}``, ``auth: bearer``, ``limit: 60/minute``, ``records`` and ``columns`` beside the others
        are short for what they say.

        Raises:
            UsageError: If it describes none, with the field that is wrong.
        """
        from penstock.model.plan_files import validated

        return validated(cls, lengthened(dict(document)))
