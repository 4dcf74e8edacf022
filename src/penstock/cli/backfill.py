"""`penstock backfill`: runs of a DAG's past, on the running stack."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.choosing import AsJson
from penstock.cli.commands import Interrupted
from penstock.cli.run import read_conf
from penstock.model.errors import PenstockError, UsageError
from penstock.project import find_project

if TYPE_CHECKING:
    from penstock.stack.airflow_api import AirflowApi
    from penstock.stack.backfill import Account, Plan

app = typer.Typer()

_POLL_S = 0.5
_A_PAGE = 100  # runs; each page is a request
_SHOWN = 5


class Reprocess(StrEnum):
    """Which runs that exist already are run again."""

    none = "none"
    failed = "failed"
    completed = "completed"


class RunsFailed(PenstockError):
    """Runs of the backfill failed; which, is in the message."""


@app.command()
def backfill(  # noqa: PLR0913  # a command's options are its interface
    dag: Annotated[str, typer.Argument(help="The DAG's id.")],
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="The first logical date, as in 2013-02-01.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The last logical date, included.")
    ] = None,
    reprocess: Annotated[
        Reprocess,
        typer.Option(help="Which runs that exist already are run again; completed means all of them."),
    ] = Reprocess.none,
    max_active: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many run at once; by default as the DAG says.")
    ] = None,
    conf: Annotated[
        str | None, typer.Option(metavar="JSON", help='Parameters, as in --conf \'{"day": "2013-02-24"}\'.')
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell which dates would run.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end, with progress.")] = True,
    unpause: Annotated[
        bool, typer.Option("--unpause", help="Unpause the DAG first: of a paused one nothing runs.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the backfill that goes on.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="End the backfill that goes on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have the running stack run a DAG for the dates of its schedule in a range, before its start date too.

    Ends with 1 if a run failed. Dates without a time zone are in the DAG's own.

    Example: penstock backfill shop --from 2013-02-01 --to 2013-02-28 --reprocess failed
    """
    from penstock.model.moments import parse_moment
    from penstock.stack import backfill as backfills
    from penstock.stack.airflow_api import open_api

    if (follow or cancel) == bool(start and end) or (follow and cancel) or bool(start) != bool(end):
        raise UsageError(
            "give --from and --to, or --follow or --cancel for the backfill that goes on",
            hint=f"penstock backfill {dag} --from 2013-02-01 --to 2013-02-28",
        )
    parameters = read_conf(conf)
    first, last = (None if text is None else parse_moment(text) for text in (start, end))
    with open_api(find_project()) as api:
        if first is None or last is None:
            found = backfills.going_on(api, dag)
            _cancel(api, found) if cancel else _wait(api, found, None, as_json=as_json)
            return
        wish = backfills.Wish(dag, first, last, reprocess.value, max_active, parameters)
        planned = backfills.plan(api, wish)
        if dry_run:
            _print_plan(dag, planned, as_json=as_json)
        elif not planned.dates:
            _print_nothing(dag, planned, as_json=as_json)
        else:
            _unpaused(api, dag, planned, unpause=unpause)
            made = backfills.create(api, planned)
            if wait:
                _wait(api, made, planned.dates, as_json=as_json)
            elif as_json:
                typer.echo(json.dumps({"backfill": made["id"], "runs": len(planned.dates)}))
            else:
                typer.echo(f"backfill {made['id']} of {dag}: {_runs(len(planned.dates))}")
                typer.echo(f"penstock backfill {dag} --follow waits for its end, --cancel ends it")


def _unpaused(api: AirflowApi, dag: str, planned: Plan, *, unpause: bool) -> None:
    from penstock.stack import backfill as backfills

    if planned.paused and not unpause:
        raise PenstockError(
            f"{dag} is paused, and of a paused DAG Airflow runs nothing",
            hint="add --unpause; its schedule goes on then too",
        )
    if planned.paused:
        backfills.unpause(api, dag)


def _cancel(api: AirflowApi, found: dict[str, Any]) -> None:
    from penstock.stack import backfill as backfills

    backfills.cancel(api, found)
    states = backfills.account(api, found).states
    typer.echo(f"backfill {found['id']} of {found['dag_id']} ended: {_told(states)}")


def _wait(api: AirflowApi, found: dict[str, Any], dates: Sequence[str] | None, *, as_json: bool) -> None:
    """Show progress until all runs have ended; then the account."""
    from penstock.stack import backfill as backfills

    began = time.monotonic()
    dag = found["dag_id"]
    try:
        with nullcontext() if as_json else _Progress() as progress:
            while True:
                now = backfills.account(api, found, dates)
                if progress is not None:
                    progress.show(now)
                if now.ended >= now.total:
                    break
                time.sleep(_POLL_S * (1 + now.total // _A_PAGE))
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            f"interrupted; backfill {found['id']} of {dag} goes on without you",
            hint=f"penstock backfill {dag} --follow waits for it again, --cancel ends it",
        ) from interrupt
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        failed = [run["logical_date"] for run in now.failed]
        account = {"backfill": found["id"], "dag": dag, "runs": now.total, "states": now.states}
        typer.echo(json.dumps({**account, "failed": failed, "seconds": seconds}))
    else:
        typer.echo(f"{_runs(now.total)} of {dag}: {_told(now.states)}, in {seconds:.1f} s")
        for run in now.failed[:_SHOWN]:
            tasks = ", ".join(backfills.failed_tasks(api, run)) or "no task; was it cancelled?"
            typer.echo(f"  failed: {_shown(run['logical_date'])}  {tasks}")
    if now.failed:
        raise _failure(found, now)


def _failure(found: dict[str, Any], now: Account) -> RunsFailed:
    first, last = (_shown(now.failed[place]["logical_date"]) for place in (0, -1))
    return RunsFailed(
        f"{len(now.failed)} of {_runs(now.total)} failed",
        hint=f"mend it, then: penstock backfill {found['dag_id']} --from {first} --to {last} --reprocess failed",
    )


def _print_plan(dag: str, planned: Plan, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"dag": dag, "dates": planned.dates, "existing": planned.existing}))
        return
    for date in planned.dates:
        typer.echo(_shown(date))
    typer.echo(
        f"{dag}: {_runs(len(planned.dates))} would be made, {planned.existing} exist and would be left alone"
    )


def _print_nothing(dag: str, planned: Plan, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"dag": dag, "runs": 0, "existing": planned.existing}))
    elif planned.existing:
        text = f"nothing to do: all {_runs(planned.existing)} of {dag} in this time exist"
        typer.echo(f"{text}; --reprocess failed or completed runs them again")
    else:
        typer.echo(f"nothing to do: {dag} has no run in this time whose end is past")


class _Progress:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        import sys

        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._last = ""
        columns = [BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn()]
        self._bar = Progress(*columns, console=Console(stderr=True)) if sys.stderr.isatty() else None
        self._task = self._bar.add_task("", total=None) if self._bar else None

    def __enter__(self) -> _Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, now: Account) -> None:
        """Show how far it is."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=now.total, completed=now.ended, description=_told(now.states))
        elif (line := f"{now.ended} of {_runs(now.total)}: {_told(now.states)}") != self._last:
            self._last = line
            typer.echo(line, err=True)


def _told(states: dict[str, int]) -> str:
    order = {"success": 0, "failed": 1, "running": 2, "queued": 3}
    return ", ".join(f"{states[name]} {name}" for name in sorted(states, key=lambda one: order.get(one, 9)))


def _runs(number: int) -> str:
    return f"{number} run{'' if number == 1 else 's'}"


def _shown(date: str) -> str:
    return date.removesuffix("Z").removesuffix("T00:00:00")
