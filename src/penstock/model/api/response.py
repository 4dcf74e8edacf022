"""One answer of an API, as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

# ``unchanged``: the API says that what the lake holds of an earlier landing is still good.
Outcome = Literal["records", "absent", "error", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was asked, and every byte of what came back; the key and other secrets are taken out.

    Args:
        request: Identifies the request: equal for equal path, parameters and headers.
        given: The row that was asked for.
        url: Without the key.
        page: Counted from 0.
        next: How the next page is to be asked for, as JSON; None where this is the last.
        outcome: What the plan makes of the status.
        attempts: How many calls it took.
        headers: Of the answer.
        body: Unpacked, where it came packed.
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
