"""How far a landing is: a moving line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from penstock.ports import LandingProgress, Underway

_EVERY_S = 5.0


class PlainLanding:
    """Writes a line every few seconds to standard error, for logs and pipes."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def update(self, now: Underway) -> None:
        """Write a line when it is time."""
        if time.monotonic() - self._last >= _EVERY_S:
            self._last = time.monotonic()
            typer.echo(in_words(now), err=True)


class RichLanding:
    """Keeps one line of a terminal up to date."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        self.bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self.bar.add_task("asking", total=None)

    def update(self, now: Underway) -> None:
        """Show it."""
        self.bar.update(self._task, description=in_words(now))


def in_words(now: Underway) -> str:
    """How far a landing is, in words.

    Example:
        >>> from penstock.ports import Underway
        >>> in_words(Underway(calls=64, answers=60, landed=50, waiting=4))
        '64 calls, 60 answers, 50 landed, 4 waiting for the limit'
    """
    waiting = f", {now.waiting} waiting for the limit" if now.waiting else ""
    return f"{now.calls:,} calls, {now.answers:,} answers, {now.landed:,} landed{waiting}"


@contextmanager
def landing_shown(*, quiet: bool) -> Iterator[LandingProgress | None]:
    """Progress as it suits where standard error goes; none where the command is to be quiet."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        progress = RichLanding()
        with progress.bar:
            yield progress
    else:
        yield PlainLanding()
