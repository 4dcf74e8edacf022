"""Receives progress updates of landings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from penstock.ports.progress import Safe


@dataclass(frozen=True, slots=True)
class Underway:
    """The progress of a landing.

    Args:
        calls: Calls made, including retries.
        answers: Answers received.
        landed: Answers in the lake.
        waiting: Requests waiting for the rate limit.
    """

    calls: int
    answers: int
    landed: int
    waiting: int


class LandingProgress(Protocol):
    """Receives progress updates of a landing, several times a second."""

    def update(self, now: Underway) -> None:
        """Report the current progress."""


class SafeLandingProgress(Safe[LandingProgress]):
    """A :class:`LandingProgress` that never fails."""

    def update(self, now: Underway) -> None:
        """See :class:`LandingProgress`."""
        self.tell(lambda receiver: receiver.update(now))
