"""Pagination: derives the request for the next page from the current page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import xxhash

from penstock.model.api import ApiPlan, Pages
from penstock.model.json_path import find_all

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^",;\s]+))*)')
_REL = re.compile(r';\s*rel\s*=\s*"?([^";]*)"?', re.IGNORECASE)


class NotPaged(ValueError):
    """The answer is not JSON, so the next page is unknown."""


class SamePage(ValueError):
    """The page holds the records of the page before it."""


def first_page(pages: Pages | None) -> str | None:
    """Return the parameters of the first page as JSON; None if it needs none."""
    if pages is None:
        return None
    parameters = {}
    if pages.by in ("page", "offset") and pages.parameter is not None:
        parameters[pages.parameter] = str(_first(pages))
    if pages.size_parameter is not None and pages.size is not None:
        parameters[pages.size_parameter] = str(pages.size)
    return json.dumps({"parameters": parameters}) if parameters else None


@dataclass(frozen=True, slots=True)
class Page:
    """A received page.

    Args:
        number: Page number, starting at 0.
        at: The request for this page, as returned by :func:`first_page` or :func:`next_page`.
        url: URL of the page; addresses in the answer may be relative to it.
    """

    number: int
    at: str | None
    url: str
    headers: Mapping[str, str]
    body: bytes


def next_page(plan: ApiPlan, page: Page) -> str | None:
    """Return the request for the next page as JSON; None after the last page.

    Raises:
        NotPaged: The answer is not JSON.
        SamePage: The page holds the records of the page before it.
    """
    pages = plan.pages
    if pages is None or page.number + 1 >= pages.most:
        return None
    if pages.by == "link":
        following = _linked(page.headers.get("link", ""))
        return None if following is None else json.dumps({"url": urljoin(page.url, following)})
    try:
        document = json.loads(page.body)
    except (ValueError, RecursionError) as error:
        raise NotPaged(str(error)) from None
    if pages.by == "next_url":
        found = _only(find_all(document, pages.path or ""))
        return json.dumps({"url": urljoin(page.url, str(found))}) if found else None
    if pages.by == "cursor":
        found = _only(find_all(document, pages.path or ""))
        return None if found in (None, "", False) else _parameters(pages, str(found))
    records = find_all(document, plan.answers.records)
    count = _count(records)
    if count < (pages.size or 1):
        return None
    state = {} if page.at is None else json.loads(page.at)
    digest = xxhash.xxh3_128_hexdigest(json.dumps(records, sort_keys=True).encode())
    if digest == state.get("records"):
        raise SamePage(f"the API ignores {pages.parameter}")
    here = int(state["parameters"][pages.parameter]) if state else _first(pages)
    return _parameters(pages, str(here + (1 if pages.by == "page" else count)), digest)


def _first(pages: Pages) -> int:
    return pages.first if pages.first is not None else int(pages.by == "page")


def _parameters(pages: Pages, value: str, digest: str | None = None) -> str:
    parameters = {str(pages.parameter): value}
    if pages.size_parameter is not None and pages.size is not None:
        parameters[pages.size_parameter] = str(pages.size)
    return json.dumps({"parameters": parameters} | ({} if digest is None else {"records": digest}))


def _linked(header: str) -> str | None:
    for address, rest in _LINK.findall(header):
        relation = _REL.search(rest)
        if relation is not None and "next" in relation[1].lower().split():
            return str(address)
    return None


def _only(found: list[Any]) -> Any:
    return found[0] if found else None


def _count(found: list[Any]) -> int:
    return sum(len(one) if isinstance(one, list) else 1 for one in found if one is not None)
