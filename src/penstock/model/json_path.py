"""Simple paths into JSON documents: names and indexes separated by dots, ``*`` for every member."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def parts(path: str) -> tuple[str, ...]:
    """The steps of a path; ``$.`` and brackets are accepted.

    Example:
        >>> parts("$.weather[0].main")
        ('weather', '0', 'main')
    """
    plain = path.removeprefix("$.").removesuffix("?").replace("[*]", ".*").replace("[]", "").replace("[", ".")
    return tuple(part for part in plain.replace("]", "").split(".") if part)


def find_all(document: Any, path: str) -> list[Any]:
    """The values at a path: none, one, or with ``*`` any number.

    Example:
        >>> find_all({"list": [{"t": 1}, {"t": 2}]}, "list.*.t")
        [1, 2]
        >>> find_all({"list": []}, "results")
        []
    """
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
