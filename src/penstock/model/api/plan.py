"""The plan for a web API: one frozen, serialisable value."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from penstock.model.address import Api, parse
from penstock.model.api.rate_limit import Auth, Limit, Retries, written_out
from penstock.model.api.requests import DEFAULT_ACTIONS, Action, Answers, Each, Pages, Since
from penstock.model.errors import UsageError
from penstock.model.plan_files import STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPlan:
    """Describes requests to one API and how to read their answers. It holds no secret.

    Args:
        source: ``connection:/path`` of a connection of type http; ``{name}`` is replaced by a value of the row.
        parameters: Query parameters, with such placeholders. None sends all values that the path does not use.
        headers: Headers of each request, with such placeholders.
        auth: How the key is sent. None uses the connection's field ``auth``, such as ``query:appid``, ``bearer`` or
            ``basic``, and sends no key if the field is missing.
        each: One request for each of these rows.
        pages: Pagination; None for a single page.
        since: A parameter that continues where the last landing ended.
        answers: How records are read from the answers.
        statuses: What a status means: ``records``, ``absent`` (an answer without records, no error: a closed market
            day), ``error`` (kept, and the landing fails in the end), ``retry``, ``stop`` (the landing fails at once).
            ``4xx`` stands for all others of its class. By default 401 and 403 stop, 429 and 5xx are retried.
        malformed: What an answer with records counts as if it is not valid JSON, such as a truncated one: ``records``
            (it goes to quarantine when it is loaded), ``error`` or ``retry``, as for ``statuses``.
        error: Path of an error in an answer. An answer with a value there other than null, false, 0 or an empty text,
            list or object has the meaning ``error``.
        limit: How often the API may be called; None sets no limit.
        retries: How 429, 5xx, timeouts and broken connections are retried.
        concurrency: Maximum number of concurrent requests.
        timeout_s: Timeout of one call, in seconds.
        cache: Whether to reuse answers that are still valid by the API's cache headers.
        batch: Maximum number of answers in one batch.

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
    malformed: Literal["records", "error", "retry"] = "records"
    error: str | None = None
    limit: Limit | None = None
    retries: Retries = field(default_factory=Retries)
    concurrency: int = 16
    timeout_s: float = 30.0
    cache: bool = True
    batch: int = 1000

    def __post_init__(self) -> None:
        if not isinstance(parse(self.source), Api):
            raise UsageError(f"invalid API address {self.source!r}", hint="write it as connection:/path")
        if self.concurrency < 1 or self.batch < 1 or self.timeout_s <= 0:
            raise UsageError(
                "concurrency, batch and timeout_s must be at least 1", hint="leave them out for the defaults"
            )

    @property
    def connection(self) -> str:
        """Name of the connection."""
        return self.source.partition(":")[0]

    @property
    def path(self) -> str:
        """The path, with placeholders."""
        return self.source.partition(":")[2]

    def action(self, status: int) -> Action:
        """The meaning of a status."""
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
        """Make a plan from a YAML or TOML document.

        Short forms are accepted: ``auth: {query: appid}``, ``auth: bearer``, ``limit: 60/minute``, and ``records`` and
        ``columns`` at the top level.

        Raises:
            UsageError: If it is not a valid plan; the message names the field.
        """
        from penstock.model.plan_files import validated

        return validated(cls, lengthened(dict(document)))


def lengthened(fields: dict[str, Any]) -> dict[str, Any]:
    """The document with all short forms expanded."""
    if "auth" in fields:
        fields["auth"] = written_out(fields["auth"])
    if isinstance(fields.get("limit"), str):
        fields["limit"] = dataclasses.asdict(Limit.parse(fields["limit"]))
    limit = fields.get("limit")
    if isinstance(limit, Mapping) and isinstance(limit.get("calls"), str):
        fields["limit"] = {
            **limit,
            **dataclasses.asdict(Limit.parse(limit["calls"])),
            "shared": limit.get("shared"),
        }
    if "statuses" in fields and isinstance(fields["statuses"], Mapping):
        fields["statuses"] = {str(name).lower(): action for name, action in fields["statuses"].items()}
    answers = {name: fields.pop(name) for name in ("records", "columns") if name in fields}
    if answers:
        fields["answers"] = {**fields.get("answers", {}), **answers}
    if isinstance(fields.get("parameters"), Mapping):
        fields["parameters"] = {name: _text(value) for name, value in fields["parameters"].items()}
    return fields


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
