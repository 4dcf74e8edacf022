"""What `penstock backfill` prints: planned runs, progress and results."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from penstock.cli.progress import lasting
from penstock.cli.terminal.status import Status
from penstock.cli.terminal.streams import echo
from penstock.model.plurals import counted

if TYPE_CHECKING:
    from penstock.stack.backfill import Account, Plan

_SHOWN = 5


def print_plan(dag: str, planned: Plan, *, as_json: bool) -> None:
    """Print the dates that would run."""
    if as_json:
        echo(json.dumps({"dag": dag, "dates": planned.dates, "existing": planned.existing}))
        return
    for date in planned.dates:
        echo(short(date))
    echo(
        f"{dag}: {number_of_runs(len(planned.dates))} would be created, {planned.existing} exist and would be kept"
    )


def print_left_out(dag: str, planned: Plan) -> None:
    """Print that dates after the DAG's end are skipped, if there are any."""
    if planned.beyond:
        echo(f"{dag} has ended: {counted(planned.beyond, 'date')} after its end skipped", err=True)


def print_nothing(dag: str, planned: Plan, *, as_json: bool) -> None:
    """Print that all runs exist already."""
    if as_json:
        echo(json.dumps({"dag": dag, "runs": 0, "existing": planned.existing, "failed": planned.failed}))
        return
    text = f"nothing to do: all {number_of_runs(planned.existing)} of {dag} in this range exist"
    echo(f"{text}; to run them again, add --reprocess failed or --reprocess completed")


def print_begun(dag: str, made: dict[str, Any], planned: Plan, *, as_json: bool) -> None:
    """Print that the backfill has started and the command does not wait for it."""
    if as_json:
        echo(json.dumps({"backfill": made["id"], "runs": len(planned.dates)}))
    else:
        echo(f"backfill {made['id']} of {dag}: {number_of_runs(len(planned.dates))}")
        echo(f"penstock backfill {dag} --follow waits for it, --cancel cancels it")


def print_end(
    found: dict[str, Any],
    now: Account,
    failed_tasks: Callable[[dict[str, Any]], Sequence[str]],
    *,
    seconds: float,
    as_json: bool,
) -> None:
    """Print the results of the runs.

    Args:
        failed_tasks: Returns the failed tasks of a run.
    """
    dag = found["dag_id"]
    if as_json:
        failed = [run["logical_date"] for run in now.failed]
        account = {"backfill": found["id"], "dag": dag, "runs": now.total, "states": now.states}
        echo(json.dumps({**account, "failed": failed, "seconds": round(seconds, 1)}))
        return
    echo(f"{number_of_runs(now.total)} of {dag}: {in_words(now.states)}, in {seconds:.1f} s")
    for run in now.failed[:_SHOWN]:
        tasks = ", ".join(failed_tasks(run)) or "no task failed; the run may have been cancelled"
        echo(f"  failed: {short(run['logical_date'])}  {tasks}")


class RunsProgress:
    """Shows how many runs have ended: a live line on a terminal, otherwise a line for each change."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._now: Account | None = None
        self._status = Status(self._parts, every_s=0)

    def __enter__(self) -> RunsProgress:
        self._status.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.__exit__(None, None, None)

    def show(self, now: Account) -> None:
        """Show the current progress."""
        before, self._now = self._now, now
        if before is None or before.states != now.states:
            self._status.update()

    def _parts(self) -> list[str]:
        if self._now is None:
            return ["starting"]
        done = f"{self._now.ended} of {number_of_runs(self._now.total)}"
        return [done, *_counts(self._now.states), lasting(time.monotonic() - self._started)]


def in_words(states: dict[str, int]) -> str:
    """The number of runs in each state."""
    return ", ".join(_counts(states))


def _counts(states: dict[str, int]) -> list[str]:
    order = {"success": 0, "failed": 1, "running": 2, "queued": 3}
    return [f"{states[name]} {name}" for name in sorted(states, key=lambda one: order.get(one, 9))]


def number_of_runs(number: int) -> str:
    """The number of runs, in words."""
    return counted(number, "run")


def short(date: str) -> str:
    """A date without the time, if the schedule is daily."""
    return date.removesuffix("Z").removesuffix("T00:00:00")
