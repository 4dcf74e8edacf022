"""An answer of an API, as stored in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

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
