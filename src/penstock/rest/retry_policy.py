"""Whether and when a request is retried."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Again(Exception):
    """A call failed, and a retry may succeed."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class Patience:
    """Decides whether and when a request is retried."""

    def __init__(self, seconds: float) -> None:
        self.queued_s = 0.0
        self._seconds = seconds
        self._begun = time.monotonic()

    def __call__(self, error: Exception) -> bool | float:
        """Return whether to retry, or the seconds to wait before the retry."""
        if not isinstance(error, Again):
            return False
        left = self._seconds - (time.monotonic() - self._begun - self.queued_s)
        # Do not wait beyond the plan's retry limit.
        if left <= 0 or (error.wait_s or 0) > left:
            return False
        return True if error.wait_s is None else error.wait_s


def asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the API asks to wait, given as a number or a date; None if it does not ask."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value)
        # Relative to the API's own clock, if the answer has a Date header.
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None
