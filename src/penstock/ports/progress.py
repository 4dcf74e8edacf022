"""Progress updates of copies and landings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

Unit = Literal["rows", "bytes"]
T = TypeVar("T")

_LOG = logging.getLogger(__name__)


class Progress(Protocol):
    """Receives progress updates of one copy, from whichever thread it runs in."""

    def begin(self, step: str, size: int | None = None, unit: Unit = "rows") -> None:
        """The next step begins, such as ``copying``; its rows are counted from 0.

        Args:
            size: The size of the step; None if unknown. Bytes are exact, rows are an estimate.
            unit: What ``size`` and ``done`` count.
        """

    def advance(self, rows: int, rejected: int, done: int) -> None:
        """More rows were read in this step, some of them rejected.

        Args:
            done: Their part of the step's size.
        """

    def finish(self) -> None:
        """All rows were read; the target merges them, builds keys and commits."""

    def update(self, now: Underway) -> None:
        """The progress of a landing; other copies report by :meth:`advance`."""


class Safe(Generic[T]):
    """Forwards updates until the receiver raises an error, which is logged; the copy continues without it.

    Args:
        receiver: None to discard updates.
    """

    def __init__(self, receiver: T | None) -> None:
        self._receiver = receiver

    @property
    def wanted(self) -> bool:
        """Whether there is a working receiver."""
        return self._receiver is not None

    def tell(self, update: Callable[[T], None]) -> None:
        """Forward an update to the receiver, if there still is one."""
        if self._receiver is None:
            return
        try:
            update(self._receiver)
        except Exception as error:  # noqa: BLE001  # whatever it is, it concerns the display and not the rows
            self._receiver = None
            _LOG.warning("the progress receiver failed: %s: %s", type(error).__name__, error)


class SafeProgress(Safe[Progress]):
    """A :class:`Progress` that never fails."""

    def begin(self, step: str, size: int | None = None, unit: Unit = "rows") -> None:
        """See :class:`Progress`."""
        self.tell(lambda receiver: receiver.begin(step, size, unit))

    def advance(self, rows: int, rejected: int, done: int) -> None:
        """See :class:`Progress`."""
        self.tell(lambda receiver: receiver.advance(rows, rejected, done))

    def finish(self) -> None:
        """See :class:`Progress`."""
        self.tell(lambda receiver: receiver.finish())

    def update(self, now: Underway) -> None:
        """See :class:`Progress`."""
        self.tell(lambda receiver: receiver.update(now))


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
