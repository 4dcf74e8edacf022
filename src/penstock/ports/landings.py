"""Who is told how far a landing is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from penstock.ports.progress import Safe


@dataclass(frozen=True, slots=True)
class Underway:
    """How far a landing is.

    Args:
        calls: Calls that were made, repeated ones included.
        answers: Answers that came.
        landed: Among them, those that the lake holds.
        waiting: Requests that wait for the limit to let them through.
    """

    calls: int
    answers: int
    landed: int
    waiting: int


class LandingProgress(Protocol):
    """Receives progress updates of a landing, several times a second."""

    def update(self, now: Underway) -> None:
        """So far it is."""


class SafeLandingProgress(Safe[LandingProgress]):
    """A :class:`LandingProgress` that never fails."""

    def update(self, now: Underway) -> None:
        """See :class:`LandingProgress`."""
        self.tell(lambda receiver: receiver.update(now))
