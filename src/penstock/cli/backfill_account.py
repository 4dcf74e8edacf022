"""What `penstock backfill` tells: what would run, how far it is, what became of the runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from penstock.model.plurals import counted

if TYPE_CHECKING:
    from penstock.stack.backfill import Account, Plan

_SHOWN = 5


def print_plan(dag: str, planned: Plan, *, as_json: bool) -> None:
    """Print which dates would run."""
    if as_json:
        typer.echo(json.dumps({"dag": dag, "dates": planned.dates, "existing": planned.existing}))
        return
    for date in planned.dates:
        typer.echo(short(date))
    typer.echo(
        f"{dag}: {number_of_runs(len(planned.dates))} would be made, {planned.existing} exist and would be left alone"
    )


def print_left_out(dag: str, planned: Plan) -> None:
    """Print that dates are left out, where some are."""
    if planned.beyond:
        typer.echo(f"{dag} has ended: {counted(planned.beyond, 'date')} after its end left out", err=True)


def print_nothing(dag: str, planned: Plan, *, as_json: bool) -> None:
    """Print that all runs exist."""
    if as_json:
        typer.echo(
            json.dumps({"dag": dag, "runs": 0, "existing": planned.existing, "failed": planned.failed})
        )
        return
    text = f"nothing to do: all {number_of_runs(planned.existing)} of {dag} in this time exist"
    typer.echo(f"{text}; --reprocess failed or completed runs them again")


def print_begun(dag: str, made: dict[str, Any], planned: Plan, *, as_json: bool) -> None:
    """Print that a backfill runs, which nobody waits for."""
    if as_json:
        typer.echo(json.dumps({"backfill": made["id"], "runs": len(planned.dates)}))
    else:
        typer.echo(f"backfill {made['id']} of {dag}: {number_of_runs(len(planned.dates))}")
        typer.echo(f"penstock backfill {dag} --follow waits for its end, --cancel ends it")


def print_end(
    found: dict[str, Any],
    now: Account,
    failed_tasks: Callable[[dict[str, Any]], Sequence[str]],
    *,
    seconds: float,
    as_json: bool,
) -> None:
    """Print what became of the runs.

    Args:
        failed_tasks: Finds those of a run.
    """
    dag = found["dag_id"]
    if as_json:
        failed = [run["logical_date"] for run in now.failed]
        account = {"backfill": found["id"], "dag": dag, "runs": now.total, "states": now.states}
        typer.echo(json.dumps({**account, "failed": failed, "seconds": round(seconds, 1)}))
        return
    typer.echo(f"{number_of_runs(now.total)} of {dag}: {in_words(now.states)}, in {seconds:.1f} s")
    for run in now.failed[:_SHOWN]:
        tasks = ", ".join(failed_tasks(run)) or "no task; was it cancelled?"
        typer.echo(f"  failed: {short(run['logical_date'])}  {tasks}")


class RunsProgress:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._last = ""
        columns = [BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn()]
        self._bar = Progress(*columns, console=Console(stderr=True)) if sys.stderr.isatty() else None
        self._task = self._bar.add_task("", total=None) if self._bar else None

    def __enter__(self) -> RunsProgress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, now: Account) -> None:
        """Show how far it is."""
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, total=now.total, completed=now.ended, description=in_words(now.states)
            )
        elif (line := f"{now.ended} of {number_of_runs(now.total)}: {in_words(now.states)}") != self._last:
            self._last = line
            typer.echo(line, err=True)


def in_words(states: dict[str, int]) -> str:
    """How many runs are in which state."""
    order = {"success": 0, "failed": 1, "running": 2, "queued": 3}
    return ", ".join(f"{states[name]} {name}" for name in sorted(states, key=lambda one: order.get(one, 9)))


def number_of_runs(number: int) -> str:
    """So many runs, in words."""
    return counted(number, "run")


def short(date: str) -> str:
    """A date without what all dates of a daily schedule share."""
    return date.removesuffix("Z").removesuffix("T00:00:00")
