"""The progress of a copy or a landing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock.cli.terminal.status import Status
from penstock.model.plurals import counted

if TYPE_CHECKING:
    from penstock.ports import Progress, Underway, Unit

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


class CopyProgress:
    """Formats the progress of a copy. See :class:`penstock.ports.Progress`.

    Args:
        name: A prefix, for one of several copies.
        clock: Returns seconds.

    Not run by the tests: the rate depends on the machine.

    Example:
        >>> progress = CopyProgress()
        >>> progress.begin("copying", size=1000)
        >>> progress.advance(250, 2, 250)
        >>> progress.parts()  # doctest: +SKIP
        ['copying', '250 rows', '1,000 rows/s', '2 rejected', '~25%', '0:00', '0:01 left']
    """

    def __init__(self, name: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._started = self._begun = clock()
        self._step = "starting"
        self._size: int | None = None
        self._unit: Unit = "rows"
        self._rows = self._rejected = self._done = 0
        self._finishing = False
        self._landing: Underway | None = None
        self.status = Status(self.parts)

    def begin(self, step: str, size: int | None = None, unit: Unit = "rows") -> None:
        """See :class:`penstock.ports.Progress`."""
        self._step, self._size, self._unit = step, size, unit
        self._rows = self._rejected = self._done = 0
        self._begun = self._clock()
        self._finishing = False
        self.status.update()

    def advance(self, rows: int, rejected: int, done: int) -> None:
        """See :class:`penstock.ports.Progress`."""
        self._rows += rows
        self._rejected += rejected
        self._done += done
        self.status.update()

    def finish(self) -> None:
        """See :class:`penstock.ports.Progress`."""
        self._step, self._finishing = "finishing", True
        self.status.update()

    def update(self, now: Underway) -> None:
        """See :class:`penstock.ports.Progress`."""
        self._landing = now
        self.status.update()

    def parts(self) -> list[str]:
        """The parts of the message, most important first."""
        now = self._clock()
        if self._landing is not None:
            return [*in_words(self._landing), lasting(now - self._started)]
        parts = [self._name, self._step, *self._counts(now), *self._share(), lasting(now - self._started)]
        return [part for part in [*parts, *self._left(now)] if part]

    def _counts(self, now: float) -> list[str]:
        if self._unit == "bytes" and not self._rows:
            return [in_bytes(self._done)] if self._done else []
        seconds = now - self._begun
        rate = f"{self._rows / seconds:,.0f} rows/s" if self._rows and seconds > 0 else ""
        return [counted(self._rows, "row"), "" if self._finishing else rate, f"{self._rejected:,} rejected"]

    def _share(self) -> list[str]:
        share = self._done_share()
        # Numbers of rows are estimates, numbers of bytes are exact.
        return [] if share is None else [f"{'~' * (self._unit == 'rows')}{int(share * 100)}%"]

    def _left(self, now: float) -> list[str]:
        share = self._done_share()
        if not share:
            return []
        return [f"{lasting((now - self._begun) * (1 - share) / share)} left"]

    def _done_share(self) -> float | None:
        """The share of the step that is done; None if its size is unknown, or was estimated too low."""
        if self._finishing or not self._size or self._done > self._size:
            return None
        return self._done / self._size


def in_words(now: Underway) -> list[str]:
    """The progress of a landing, in words.

    Example:
        >>> from penstock.ports import Underway
        >>> ", ".join(in_words(Underway(calls=64, answers=60, landed=50, waiting=4)))
        '64 calls, 60 answers, 50 landed, 4 waiting for the limit'
    """
    waiting = [f"{now.waiting} waiting for the limit"] if now.waiting else []
    return [counted(now.calls, "call"), counted(now.answers, "answer"), f"{now.landed:,} landed", *waiting]


@contextmanager
def shown(*, quiet: bool, name: str = "") -> Iterator[Progress | None]:
    """Show the progress of a copy, unless the command is to be quiet."""
    if quiet:
        yield None
        return
    progress = CopyProgress(name)
    with progress.status:
        yield progress


@contextmanager
def at_work(*parts: str) -> Iterator[None]:
    """Show that another program is running, and for how long; its progress is unknown."""
    started = time.monotonic()

    def with_time() -> Sequence[str]:
        return [*parts, lasting(time.monotonic() - started)]

    with Status(with_time):
        yield


def lasting(seconds: float) -> str:
    """A duration as h:mm:ss.

    Example:
        >>> lasting(7), lasting(3 * 3600 + 62)
        ('0:07', '3:01:02')
    """
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def in_bytes(count: int) -> str:
    """A number of bytes, in decimal units.

    Example:
        >>> in_bytes(999), in_bytes(12_345_678)
        ('999 bytes', '12.3 MB')
    """
    size = float(count)
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            break
        size /= 1000
    return counted(count, "byte") if unit == "bytes" else f"{size:.1f} {unit}"
