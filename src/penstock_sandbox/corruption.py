"""Corrupts answers: truncated JSON, wrong types, missing fields."""

from __future__ import annotations

import json
from typing import Any

from penstock_sandbox.http import Answer, json_answer

WRONG = "not available"  # in place of a number


def malformed(answer: Answer) -> Answer:
    """Return only the first half of the JSON.

    Example:
        >>> malformed(Answer(200, b'{"a":1}')).body
        b'{"a'
    """
    return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)


def wrong_type(answer: Answer, field: str) -> Answer:
    """Put text into the field; returns the answer unchanged if it lacks the field.

    Example:
        >>> wrong_type(Answer(200, b'{"main":{"temp":271.4}}'), "main.temp").body
        b'{"main":{"temp":"not available"}}'
    """
    content = json.loads(answer.body)
    found = _holder(content, field)
    if found is None:
        return answer
    holder, name = found
    holder[name] = WRONG
    return json_answer(answer.status, content, *answer.headers)


def missing_field(answer: Answer, field: str) -> Answer:
    """Return the answer without the field.

    Example:
        >>> missing_field(Answer(200, b'{"main":{"temp":271.4}}'), "main.temp").body
        b'{"main":{}}'
    """
    content = json.loads(answer.body)
    found = _holder(content, field)
    if found is None:
        return answer
    holder, name = found
    del holder[name]
    return json_answer(answer.status, content, *answer.headers)


def _holder(content: Any, field: str) -> tuple[Any, Any] | None:
    """Return the container of the field, and its key or index there."""
    *way, last = field.split(".")
    for step in way:
        found = _step(content, step)
        if found is None:
            return None
        content = content[found]
    found = _step(content, last)
    return None if found is None else (content, found)


def _step(content: Any, name: str) -> str | int | None:
    if isinstance(content, dict):
        return name if name in content else None
    if isinstance(content, list) and name.isdigit() and int(name) < len(content):
        return int(name)
    return None
