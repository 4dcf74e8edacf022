"""Requests to the sandbox's services, and their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, without its key.

    Args:
        path: Path below the server's root.
        parameters: Query parameters; the last value of each name.
        moment: The request's logical time in UTC; None if not stated.
        base: The server's base URL as used by the client, for links to the next page.
    """

    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    moment: datetime | None = None
    base: str = "http://localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and additional headers."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Service(Protocol):
    """A service of the sandbox."""

    name: str
    key_parameter: str

    def unknown_key(self) -> Answer:
        """Return the answer to a request with a wrong or missing key."""

    def over_limit(self) -> Answer:
        """Return the answer to a call over the rate limit."""

    def answer(self, asked: Asked) -> Answer:
        """Return the answer to a valid request."""

    def duplicate(self, asked: Asked) -> Answer:
        """Return the answer with a duplicate record."""

    def late(self, asked: Asked, hours: int) -> Answer:
        """Return the answer of a service that lacks the data of the last `hours`."""

    def field(self, asked: Asked) -> str:
        """Return the dotted path of the default field to corrupt in the answer."""


def json_answer(status: int, content: Any, *headers: tuple[str, str]) -> Answer:
    """Return an answer with this content as JSON.

    Example:
        >>> json_answer(404, {"status": "NOT_FOUND"}).body
        b'{"status":"NOT_FOUND"}'
    """
    return Answer(status, json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(), headers)
