"""`penstock status`: shows the stack's components."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.terminal.streams import echo
from penstock.model.errors import ExitCode
from penstock.model.plurals import counted
from penstock.project import find_project

if TYPE_CHECKING:
    from penstock.stack.status import PartStatus

app = typer.Typer()

_MB = 1_000_000
_MINUTE_S, _HOUR_S = 60, 3600


@app.command()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False) -> None:
    """Show each component: state, process, memory, address and start time.

    Exit codes: 0 all healthy, 1 otherwise. See docs/reference/exit-codes.md.

    Example: penstock status --json
    """
    from penstock.stack.status import look

    found = look(find_project())
    if as_json:
        echo(json.dumps([asdict(one) for one in found]))
    else:
        _print(found)
    if any(one.state != "healthy" for one in found):
        raise typer.Exit(ExitCode.FAILED)


def _print(found: list[PartStatus]) -> None:
    echo(f"{'part':<14}{'state':<14}{'process':>8}{'memory':>9}  {'address':<24}since")
    for one in found:
        memory = "" if one.memory_bytes is None else f"{one.memory_bytes / _MB:.0f} MB"
        since = "" if one.since is None else _ago(one.since)
        falls = f"; restarted {counted(one.restarts, 'time')}: {one.reason}" if one.restarts else ""
        line = f"{one.name:<14}{one.state:<14}{one.pid or '':>8}{memory:>9}  {one.address or '':<24}{since}{falls}"
        echo(line.rstrip())
    total = sum(one.memory_bytes or 0 for one in found)
    if total:
        echo(f"{'':<36}{total / _MB:>6.0f} MB")


def _ago(since: str) -> str:
    seconds = int(time.time() - datetime.fromisoformat(since).astimezone(UTC).timestamp())
    if seconds < _MINUTE_S:
        return f"{seconds} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min"
    return f"{seconds // _HOUR_S} h {seconds % _HOUR_S // _MINUTE_S} min"
