"""Which requests are made, and how their answers become records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from penstock.model.errors import UsageError
from penstock.model.plan_files import STRICT

Paging = Literal["page", "offset", "cursor", "link", "next_url"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """The rows for which requests are made, one each. Without any of these, a single request is made.

    Args:
        rows: The rows themselves.
        product: Lists of values; every combination is a row.
        file: A CSV file with a header line.
        query: SQL that returns the rows, run in ``connection``.
        connection: A postgres connection.
    """

    __pydantic_config__ = STRICT

    rows: tuple[Mapping[str, Any], ...] = ()
    product: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    file: str | None = None
    query: str | None = None
    connection: str = "warehouse"

    def __post_init__(self) -> None:
        if sum(map(bool, (self.rows, self.product, self.file, self.query))) > 1:
            raise UsageError("more than one source of rows", hint="use one of rows, product, file and query")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """How answers are paginated.

    Args:
        by: ``page`` counts pages, ``offset`` counts records, ``cursor`` sends back a value of the answer, ``link``
            follows the Link header, ``next_url`` follows a URL in the answer.
        parameter: Name of the parameter for the page, offset or cursor.
        path: Path of the cursor or URL in the answer.
        first: Number of the first page or offset.
        size: Records of a full page: a page with fewer is the last. Without it, the first empty page is the last.
        size_parameter: Name of the parameter for the size.
        most: Maximum number of pages.
    """

    __pydantic_config__ = STRICT

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
                f"pages by {self.by} need {' and '.join(missing)}",
                hint="see pages in docs/reference/api-plans.md",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """A parameter that continues where the last landing ended: the greatest value among its records.

    Args:
        parameter: Name of the parameter; other parameters can use the value as ``{since}``.
        path: Path of the value in a record. Numbers compare as numbers, texts as texts.
        start: Value for the first landing.
    """

    __pydantic_config__ = STRICT

    parameter: str
    path: str
    start: str


Action = Literal["records", "absent", "error", "retry", "stop"]

DEFAULT_ACTIONS: Mapping[str, Action] = {
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
class Answers:
    """How records are read from answers.

    Args:
        records: Path of the records in an answer: names with dots between, ``*`` for every member. It leads to one
            record or a list of them. An empty path means the whole answer; with a ``?`` at the end, the path may be
            missing from an answer.
        columns: Path of each column in the record. ``$request.NAME`` is a value of the requested row; ``$status``,
            ``$url``, ``$asked_at``, ``$answered_at`` and ``$body`` belong to the answer; ``.`` is the record itself.
            Without columns, every member is a column, and names of nested members are joined by ``_``.
    """

    __pydantic_config__ = STRICT

    records: str = ""
    columns: Mapping[str, str] | tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.columns, Mapping):
            object.__setattr__(
                self, "columns", tuple(self.columns.items())
            )  # keeps their order, also in JSON

    @property
    def paths(self) -> dict[str, str]:
        """Each column's path."""
        return dict(self.columns)


# ``unchanged``: the API says that the answer of an earlier landing is still valid.
Outcome = Literal["records", "absent", "error", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A request and the raw answer, without the key and other secrets.

    Args:
        request: Hash of the request's path, parameters and headers.
        given: The row of the request.
        url: Without the key.
        page: Counted from 0.
        next: The request of the next page, as JSON; None if this is the last.
        outcome: The meaning of the status by the plan.
        attempts: Number of calls.
        headers: Headers of the answer.
        body: The body, decompressed.
    """

    request: str
    given: Mapping[str, Any]
    url: str
    page: int
    next: str | None
    status: int
    outcome: Outcome
    attempts: int
    asked_at: datetime
    answered_at: datetime
    headers: Mapping[str, str]
    body: bytes
