"""The requests that a plan makes from its rows."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import xxhash

from penstock.model.api import ApiPlan, Each
from penstock.model.errors import SourceError, UsageError

_PLACEHOLDER = re.compile(r"\{(\w+)\}")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request, without its key.

    Args:
        key: Identity of the request: equal for equal path, parameters and headers.
        path: Path below the connection's address.
    """

    key: str
    path: str
    parameters: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    given: Row


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about a request before it is made.

    Args:
        page: Number of pages that have landed.
        next: Request for the next page; None after the last one.
        validators: Headers of a conditional request.
    """

    page: int = 0
    next: str | None = None
    validators: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Todo:
    """A request, and what is known about it."""

    request: Request
    known: Known


@dataclass(frozen=True, slots=True)
class Question:
    """One page of a request.

    Args:
        page: Page number, starting at 0.
        at: The request for this page, from the page before; None if it needs no parameters.
        validators: Headers of a conditional request.
    """

    request: Request
    page: int
    at: str | None
    validators: Mapping[str, str]


def make_requests(plan: ApiPlan, rows: Iterator[Row], values: Row) -> Iterator[Request]:
    """Yield a request for each row, in order, without duplicates.

    Args:
        values: Additional values for placeholders, from the run instead of a row.

    Raises:
        UsageError: A placeholder has no value.
    """
    seen: set[bytes] = set()
    for row in rows:
        request = _request(plan, row, values)
        key = bytes.fromhex(request.key)
        if key not in seen:
            seen.add(key)
            yield request


def plain_rows(each: Each, directory: Path) -> Iterator[Row]:
    """Yield the rows, unless they come from a database.

    Args:
        directory: Base directory for the path of a file.

    Raises:
        SourceError: The file cannot be read.
    """
    if each.file is not None:
        yield from _file_rows(directory / each.file)
    elif each.product:
        for values in itertools.product(*each.product.values()):
            yield dict(zip(each.product, values, strict=True))
    else:
        yield from each.rows or ({},)


def _file_rows(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), 2):
                if None in row or None in row.values():
                    raise SourceError(
                        f"'{path}', row {line}: wrong number of fields",
                        hint="write as many fields as in the header",
                    )
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(
            f"cannot read '{path}': {reason}", hint="check the path of the rows in the plan"
        ) from None


def _request(plan: ApiPlan, row: Row, values: Row) -> Request:
    known = {**values, **row}
    path = fill(plan.path, known, quoted=True)
    if plan.parameters is None:
        used = set(_PLACEHOLDER.findall(plan.path))
        parameters = tuple((name, text(value)) for name, value in row.items() if name not in used)
    else:
        parameters = tuple((name, fill(value, known)) for name, value in plan.parameters.items())
    if plan.since is not None and "since" in values and plan.since.parameter not in dict(parameters):
        parameters += ((plan.since.parameter, text(values["since"])),)
    headers = tuple((name, fill(value, known)) for name, value in plan.headers.items())
    key = xxhash.xxh3_128_hexdigest(repr((path, sorted(parameters), sorted(headers))).encode())
    return Request(key, path, parameters, headers, row)


def fill(template: str, values: Row, *, quoted: bool = False) -> str:
    """Return the template with every ``{name}`` replaced.

    Raises:
        UsageError: A value is missing.

    Example:
        >>> fill("/v1/{ticker}", {"ticker": "BRK/A"}, quoted=True)
        '/v1/BRK%2FA'
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            known = ", ".join(values) or "none"
            raise UsageError(
                f"unknown placeholder {match[1]!r} in {template!r}", hint=f"known values: {known}"
            )
        found = text(values[match[1]])
        return quote(found, safe="") if quoted else found

    return _PLACEHOLDER.sub(value, template)


def text(value: object) -> str:
    """Return a value as text for a query string."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
