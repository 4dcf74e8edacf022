"""Receives progress updates."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from penstock.ports.landings import Underway

Unit = Literal["rows", "bytes"]
T = TypeVar("T")

_LOG = logging.getLogger(__name__)


class Progress(Protocol):
    """Receives progress updates of one copy, from whichever thread it runs in."""

    def begin(self, step: str, size: int | None = None, unit: Unit = "rows") -> None:
        """The next step begins, such as ``copying``; its rows are counted from 0.

        Args:
            size: How much there is to do in it; None where nobody knows. Bytes are exact, rows an estimate.
            unit: What ``size`` and ``done`` count.
        """

    def advance(self, rows: int, rejected: int, done: int) -> None:
        """So many more rows were read in this step, of which so many were rejected.

        Args:
            done: How much of the step's size they are.
        """

    def finish(self) -> None:
        """All rows were read; the target settles them, builds keys, and commits."""

    def update(self, now: Underway) -> None:
        """How far a landing is; other copies report by :meth:`advance`."""


class Safe(Generic[T]):
    """Passes updates on until the receiver raises; that is logged, and the copy goes on without it.

    Args:
        receiver: None if nobody is interested.
    """

    def __init__(self, receiver: T | None) -> None:
        self._receiver = receiver

    @property
    def wanted(self) -> bool:
        """Whether there is anybody to tell."""
        return self._receiver is not None

    def tell(self, update: Callable[[T], None]) -> None:
        """Hand an update to the receiver, if there still is one."""
        if self._receiver is None:
            return
        try:
            update(self._receiver)
        except Exception as error:  # noqa: BLE001  # whatever it is, it concerns the display and not the rows
            self._receiver = None
            _LOG.warning("progress is no longer reported: %s: %s", type(error).__name__, error)


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
