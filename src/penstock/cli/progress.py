"""How far a copy is: a moving line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from penstock.cli.landing_progress import in_words

if TYPE_CHECKING:
    from penstock.ports import Progress, Underway

_EVERY_S = 5.0


class PlainProgress:
    """Writes a line every few seconds to standard error, for logs and pipes."""

    def __init__(self) -> None:
        self._started = self._last = 0.0
        self._rows = 0
        self._rejected = 0

    def advance(self, rows: int, rejected: int) -> None:
        """Count, and write a line when it is time."""
        now = time.monotonic()
        if not self._rows:
            self._started = self._last = now  # what came before, such as looking for types, was no copying
        self._rows += rows
        self._rejected += rejected
        if now - self._last >= _EVERY_S:
            self._last = now
            rate = self._rows / (now - self._started)
            line = f"{self._rows:,} rows, {rate:,.0f} rows/s, {self._rejected:,} rejected"
            typer.echo(line, err=True)

    def update(self, now: Underway) -> None:
        """Write a line when it is time."""
        moment = time.monotonic()
        if not self._last:
            self._last = moment
        if moment - self._last >= _EVERY_S:
            self._last = moment
            typer.echo(in_words(now), err=True)


class RichProgress:
    """Keeps one line of a terminal up to date.

    Args:
        name: Stands in front, where there are several.
    """

    def __init__(self, name: str = "") -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        self.bar = Bar(
            SpinnerColumn(),
            *([TextColumn(name)] if name else []),
            TextColumn("{task.completed:,} rows"),
            TextColumn("{task.speed:,.0f} rows/s", justify="right"),
            TextColumn("{task.fields[rejected]:,} rejected"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=not name,
        )
        self._task = self.bar.add_task("copy", total=None, rejected=0)
        self._rejected = 0

    def advance(self, rows: int, rejected: int) -> None:
        """Count."""
        self._rejected += rejected
        self.bar.update(self._task, advance=rows, rejected=self._rejected)

    def update(self, now: Underway) -> None:
        """Show how far a landing is."""
        self.bar.update(self._task, description=in_words(now))


@contextmanager
def shown(*, quiet: bool) -> Iterator[Progress | None]:
    """Progress as it suits where standard error goes; none where the command is to be quiet."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        progress = RichProgress()
        with progress.bar:
            yield progress
    else:
        yield PlainProgress()
