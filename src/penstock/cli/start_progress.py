"""Progress of the stack's start: a live table on a terminal, otherwise plain lines."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from penstock.cli.terminal.streams import PenstockConsole, is_watched, legible
from penstock.stack.state_file import PartRecord, StackRecord

_MARKS = {"healthy": "[green]✓[/green]", "restarting": "[red]✗[/red]", "starting": "[yellow]…[/yellow]"}


class Board:
    """Shows each component and its start time."""

    def __init__(self) -> None:
        self._live = Live(console=PenstockConsole(), auto_refresh=False) if is_watched(sys.stdout) else None
        self._seen: dict[str, tuple[str, int]] = {}

    def __enter__(self) -> Board:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, record: StackRecord) -> None:
        """Show the current state of the components."""
        if self._live:
            self._live.update(_table(record), refresh=True)
            return
        for part in record.parts:
            now = part.state, part.restarts
            if self._seen.get(part.name) != now:
                self._seen[part.name] = now
                _print(part)


def _print(part: PartRecord) -> None:
    if part.state == "healthy":
        print(f"{part.name:<14} {part.took_s or 0:5.1f} s  {part.address or ''}".rstrip(), flush=True)  # noqa: T201
    elif part.state == "restarting":
        print(f"{part.name:<14} fell: {part.reason}", flush=True)  # noqa: T201


def _table(record: StackRecord) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    for justify in ("left", "left", "right", "left"):
        table.add_column(justify=justify)
    for part in record.parts:
        seconds = {"healthy": part.took_s, "starting": time.time() - part.since}.get(part.state)
        table.add_row(
            legible(_MARKS.get(part.state, "[dim]·[/dim]")),
            part.name,
            "" if seconds is None else f"{seconds:.1f} s",
            escape(part.address or part.reason or ""),
        )
    return table
