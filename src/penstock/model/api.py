"""What is to be asked of a web API, and how its answers are to be read: one frozen, serialisable value."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from penstock.model.address import Api, parse
from penstock.model.errors import UsageError

Place = Literal["none", "query", "header", "bearer", "basic"]
Action = Literal["records", "absent", "error", "retry", "stop"]
Paging = Literal["page", "offset", "cursor", "link", "next_url"]

# How pydantic reads documents into these values: a field that is none is a mistake.
_STRICT = {"extra": "forbid"}

_STATUSES: Mapping[str, Action] = {
    "2xx": "records",
    "401": "stop",
    "403": "stop",
    "408": "retry",
    "425": "retry",
    "429": "retry",
    "4xx": "error",
    "501": "error",
    "5xx": "retry",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Where the key goes.

    Args:
        place: ``query`` or ``header`` (under ``name``), ``bearer``, ``basic`` (with the connection's login), ``none``.
        name: Name of the parameter or the header.
        variable: The variable that holds the key; None means the connection's password.
    """

    __pydantic_config__ = _STRICT

    place: Place = "none"
    name: str | None = None
    variable: str | None = None

    @classmethod
    def parse(cls, text: str) -> Auth:
        """Read ``query:NAME``, ``header:NAME``, ``bearer``, ``basic`` or ``none``.

        Raises:
            UsageError: If the text is none of these.
        """
        from penstock.model.documents import validated

        return validated(cls, _auth(text))

    def __post_init__(self) -> None:
        if (self.place in ("query", "header")) != (self.name is not None):
            raise UsageError(
                f"auth {self.place!r} {'needs a name' if self.name is None else 'takes no name'}",
                hint="write auth: {query: appid}, {header: X-Api-Key}, bearer, basic or none",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """The rows for each of which one request is made. Without any of these, one request is made.

    Args:
        rows: The rows themselves.
        product: Lists of values; every combination of them is a row.
        file: A CSV file with a header line.
        query: SQL that gives the rows, asked of ``connection``.
        connection: A postgres connection.
    """

    __pydantic_config__ = _STRICT

    rows: tuple[Mapping[str, Any], ...] = ()
    product: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    file: str | None = None
    query: str | None = None
    connection: str = "warehouse"

    def __post_init__(self) -> None:
        if sum(map(bool, (self.rows, self.product, self.file, self.query))) > 1:
            raise UsageError("more than one source of rows", hint="give one of rows, product, file and query")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """How a long answer goes on.

    Args:
        by: ``page`` counts pages, ``offset`` counts records, ``cursor`` sends back what the answer says, ``link``
            follows the Link header, ``next_url`` follows an address in the answer.
        parameter: Carries the page, the offset or the cursor.
        path: Where the cursor or the address lies in the answer.
        first: The first page or offset.
        size: Records of a whole page: one with fewer is the last. Without it, the first empty one is.
        size_parameter: Carries the size.
        most: So many pages are asked for at the most.
    """

    __pydantic_config__ = _STRICT

    by: Paging
    parameter: str | None = None
    path: str | None = None
    first: int | None = None
    size: int | None = None
    size_parameter: str | None = None
    most: int = 10_000

    def __post_init__(self) -> None:
        wants = {
            "page": ("parameter",),
            "offset": ("parameter",),
            "cursor": ("parameter", "path"),
            "next_url": ("path",),
        }
        missing = [name for name in wants.get(self.by, ()) if getattr(self, name) is None]
        if missing:
            raise UsageError(
                f"pages by {self.by} need {' and '.join(missing)}", hint="see pages in docs/apis.md"
            )


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

    __pydantic_config__ = _STRICT

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

    __pydantic_config__ = _STRICT

    attempts: int = 6
    patience_s: float = 120.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    failures: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """A parameter that grows from landing to landing: the greatest value that the records of the last one held.

    Args:
        parameter: Carries it; ``{since}`` names it in other parameters.
        path: Where it lies in a record. Numbers compare as numbers, texts as texts.
        start: Sent by the first landing.
    """

    __pydantic_config__ = _STRICT

    parameter: str
    path: str
    start: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How records are taken from answers.

    Args:
        records: Path of the records in an answer: names with dots between, ``*`` for every member. What is found there
            is one record, or a list of them. An empty path is the whole answer, a ``?`` at the end allows that
            nothing is there.
        columns: Column by column the path in the record. ``$request.NAME`` is a value of the row that was asked for,
            ``$status``, ``$url``, ``$asked_at``, ``$answered_at`` and ``$body`` are of the answer, ``.`` is the record
            itself. Without columns, every member is one, those of members joined by ``_``.
    """

    __pydantic_config__ = _STRICT

    records: str = ""
    columns: Mapping[str, str] | tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.columns, Mapping):
            object.__setattr__(self, "columns", tuple(self.columns.items()))  # in their order, also as JSON

    @property
    def paths(self) -> dict[str, str]:
        """Each column's path."""
        return dict(self.columns)


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

    __pydantic_config__ = _STRICT

    source: str
    parameters: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Auth | None = None
    each: Each = Each()
    pages: Pages | None = None
    since: Since | None = None
    answers: Answers = Answers()
    statuses: Mapping[str, Action] = field(default_factory=dict)
    limit: Limit | None = None
    retries: Retries = Retries()
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
            for known in (self.statuses, _STATUSES):
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
        from penstock.model.documents import validated

        return validated(cls, _lengthened(dict(document)))


def _lengthened(fields: dict[str, Any]) -> dict[str, Any]:
    """The document with every short form written out."""
    if "auth" in fields:
        fields["auth"] = _auth(fields["auth"])
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


def _auth(given: Any) -> Any:
    if isinstance(given, str):
        place, _, name = given.partition(":")
        return {"place": place, "name": name or None}
    if isinstance(given, Mapping) and "place" not in given:
        rest = {name: value for name, value in given.items() if name not in ("query", "header")}
        for place in ("query", "header"):
            if place in given:
                return {**rest, "place": place, "name": given[place]}
    return given


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
