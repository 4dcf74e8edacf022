"""What a service of the sandbox is asked, and what it answers."""

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
        path: Below the server's root.
        parameters: Of the query, the last of each name.
        moment: The logical time that the request states, in UTC; None where it states none.
        base: The server's own address as the client wrote it, for links to a next page.
    """

    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    moment: datetime | None = None
    base: str = "http://localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and headers beside the usual ones."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Service(Protocol):
    """One service of the outside world."""

    name: str
    key_parameter: str

    def unknown_key(self) -> Answer:
        """What a request with a wrong key, or with none, gets."""

    def over_limit(self) -> Answer:
        """What one call too many gets."""

    def answer(self, asked: Asked) -> Answer:
        """What a good request gets."""

    def duplicate(self, asked: Asked) -> Answer:
        """The same with a record that was answered before."""

    def late(self, asked: Asked, hours: int) -> Answer:
        """What a service gets one that has not all data of the last `hours` yet."""

    def field(self, asked: Asked) -> str:
        """Dotted path of the field that goes wrong in such an answer, where none is named."""


def json_answer(status: int, content: Any, *headers: tuple[str, str]) -> Answer:
    """An answer that holds this content.

    Example:
        >>> json_answer(404, {"status": "NOT_FOUND"}).body
        b'{"status":"NOT_FOUND"}'
    """
    return Answer(status, json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(), headers)
