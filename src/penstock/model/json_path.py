"""Simple paths into JSON documents: names and indexes separated by dots, ``*`` for every member."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_STEP = re.compile(r"""\['([^']*)'\]|\["([^"]*)"\]|\[([^\[\]'"]*)\]|([^.\[\]]+)""")


@cache
def parts(path: str) -> tuple[str, ...]:
    """The steps of a path; ``$.`` and brackets are accepted, and quotes in brackets around a name that holds dots.

    Example:
        >>> parts("$.weather[0].main")
        ('weather', '0', 'main')
        >>> parts("page['@odata.nextLink']")
        ('page', '@odata.nextLink')
    """
    plain = path.removeprefix("$.").removesuffix("?")
    return tuple(step for found in _STEP.finditer(plain) if (step := next(filter(None, found.groups()), "")))


def find_all(document: Any, path: str) -> list[Any]:
    """The values at a path: none, one, or with ``*`` any number.

    A name that holds dots and is a member of the document itself needs no quotes.

    Example:
        >>> find_all({"list": [{"t": 1}, {"t": 2}]}, "list.*.t")
        [1, 2]
        >>> find_all({"@odata.nextLink": "/2"}, "@odata.nextLink")
        ['/2']
        >>> find_all({"list": []}, "results")
        []
    """
    if isinstance(document, dict) and (name := path.removesuffix("?")) in document:
        return [document[name]]
    found = [document]
    for part in parts(path):
        found = [inner for one in found for inner in _step(one, part)]
    return found


def _step(document: Any, part: str) -> list[Any]:
    if isinstance(document, dict):
        if part == "*" and part not in document:
            return list(document.values())
        return [document[part]] if part in document else []
    if isinstance(document, list):
        if part == "*":
            return document
        if part.lstrip("-").isdigit() and -len(document) <= int(part) < len(document):
            return [document[int(part)]]
    return []
