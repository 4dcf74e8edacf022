"""What is asked of an API: for which rows, page by page, and from where on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from penstock.model.api.strictness import STRICT
from penstock.model.errors import UsageError

Paging = Literal["page", "offset", "cursor", "link", "next_url"]


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

    __pydantic_config__ = STRICT

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
    """A parameter that grows from landing to landing: the greatest value that the records of the last one held.

    Args:
        parameter: Carries it; ``{since}`` names it in other parameters.
        path: Where it lies in a record. Numbers compare as numbers, texts as texts.
        start: Sent by the first landing.
    """

    __pydantic_config__ = STRICT

    parameter: str
    path: str
    start: str
