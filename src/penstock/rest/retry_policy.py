"""Whether a request is tried again, and when."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Again(Exception):
    """No answer yet, and trying again may bring one."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class Patience:
    """Decides whether a request is tried again, and when."""

    def __init__(self, seconds: float) -> None:
        self.queued_s = 0.0
        self._seconds = seconds
        self._begun = time.monotonic()

    def __call__(self, error: Exception) -> bool | float:
        """Whether to try again, or after how many seconds."""
        if not isinstance(error, Again):
            return False
        left = self._seconds - (time.monotonic() - self._begun - self.queued_s)
        # To wait for an hour where the plan's patience ends in a minute would help nobody.
        if left <= 0 or (error.wait_s or 0) > left:
            return False
        return True if error.wait_s is None else error.wait_s


def asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that the API asks to wait, written as a number or as a date; None where it does not."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value)
        # By the API's own clock, where it tells the time.
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None
