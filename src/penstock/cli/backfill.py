"""`penstock backfill`: run a DAG for past dates, on the running stack."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.cli.backfill_account import (
    RunsProgress,
    in_words,
    number_of_runs,
    print_begun,
    print_end,
    print_left_out,
    print_nothing,
    print_plan,
    short,
)
from penstock.cli.environment_options import AsJson
from penstock.cli.lazy_commands import Interrupted
from penstock.cli.option_groups import grouped
from penstock.cli.run import read_conf
from penstock.cli.terminal.streams import echo
from penstock.model.errors import NothingDone, PenstockError, UsageError
from penstock.project import find_project

if TYPE_CHECKING:
    from penstock.stack.airflow_api import AirflowApi
    from penstock.stack.backfill import Account, Plan, Wish

app = typer.Typer()

_POLL_S = 0.5
_A_PAGE = 100  # runs per request


class Reprocess(StrEnum):
    """Which existing runs are run again."""

    none = "none"
    failed = "failed"
    completed = "completed"


class RunsFailed(PenstockError):
    """Runs of the backfill failed; the message names them."""


@dataclass(frozen=True)
class Runs:
    """Which runs to make."""

    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First logical date, such as 2013-02-01.")
    ] = None
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last logical date, included.")] = (
        None
    )
    reprocess: Annotated[
        Reprocess,
        typer.Option(help="Existing runs to run again: none, failed, or completed (all)."),
    ] = Reprocess.none
    max_active: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Number of runs at the same time. Default: the DAG's own limit."
        ),
    ] = None
    conf: Annotated[
        str | None, typer.Option(metavar="JSON", help='Parameters, such as \'{"day": "2013-02-24"}\'.')
    ] = None

    def wish(self, dag: str) -> Wish | None:
        """The requested runs; None with --follow or --cancel."""
        from penstock.model.date_arguments import parse_moment
        from penstock.stack.backfill import Wish

        parameters = read_conf(self.conf)
        if self.start is None or self.end is None:
            return None
        first, last = parse_moment(self.start), parse_moment(self.end)
        return Wish(dag, first, last, self.reprocess.value, self.max_active, parameters)


@dataclass(frozen=True)
class Way:
    """How the runs are made."""

    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the dates that would run.")] = False
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until all runs have ended, and show progress.")
    ] = True
    unpause: Annotated[
        bool, typer.Option("--unpause", help="Unpause the DAG first. A paused DAG does not run.")
    ] = False
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the backfill in progress.")] = False
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel the backfill in progress.")] = False
    as_json: AsJson = False


@app.command()
@grouped
def backfill(dag: Annotated[str, typer.Argument(help="The DAG's id.")], runs: Runs, way: Way) -> None:
    """Run a DAG for all scheduled dates in a range, on the running stack. Dates before its start date are possible.

    Dates without a time zone are in the DAG's time zone. Exit codes: 0 done, 1 a run failed, 2 usage, 5 no run in
    the range, such as after the DAG's end. See docs/reference/exit-codes.md.

    Example: penstock backfill shop --from 2013-02-01 --to 2013-02-28 --reprocess failed
    """
    from penstock.stack import backfill as backfills
    from penstock.stack.airflow_api import open_api

    goes_on = way.follow or way.cancel
    if (
        goes_on == bool(runs.start and runs.end)
        or (way.follow and way.cancel)
        or bool(runs.start) != bool(runs.end)
    ):
        raise UsageError(
            "give --from and --to, or --follow or --cancel for the backfill in progress",
            hint=f"penstock backfill {dag} --from 2013-02-01 --to 2013-02-28",
        )
    wish = runs.wish(dag)
    with open_api(find_project()) as api:
        if wish is not None:
            _begin(api, wish, way)
        elif way.cancel:
            _cancel(api, backfills.going_on(api, dag))
        else:
            _wait(api, backfills.going_on(api, dag), None, as_json=way.as_json)


def _begin(api: AirflowApi, wish: Wish, way: Way) -> None:
    from penstock.stack import backfill as backfills

    dag = wish.dag_id
    planned = backfills.plan(api, wish)
    if not planned.dates and not planned.existing:
        raise NothingDone(
            f"{dag} has no completed data interval between {wish.start.text} and {wish.end.text}",
            hint=f"to see its schedule: penstock airflow dags details {dag}",
        )
    print_left_out(dag, planned)
    if way.dry_run:
        print_plan(dag, planned, as_json=way.as_json)
        return
    if not planned.dates:
        print_nothing(dag, planned, as_json=way.as_json)
        _require_none_failed(wish, planned)
        return
    _unpaused(api, dag, planned, unpause=way.unpause)
    made = backfills.create(api, planned)
    if way.wait:
        _wait(api, made, planned.dates, as_json=way.as_json)
    else:
        print_begun(dag, made, planned, as_json=way.as_json)


def _require_none_failed(wish: Wish, planned: Plan) -> None:
    if planned.failed:
        raise RunsFailed(
            f"{planned.failed} of {number_of_runs(planned.existing)} failed before",
            hint=f"fix it, then: penstock backfill {wish.dag_id} --from {wish.start.text} --to {wish.end.text} "
            "--reprocess failed",
        )


def _unpaused(api: AirflowApi, dag: str, planned: Plan, *, unpause: bool) -> None:
    from penstock.stack import backfill as backfills

    if planned.paused and not unpause:
        raise PenstockError(
            f"{dag} is paused, and Airflow does not run a paused DAG",
            hint="add --unpause; this also resumes its schedule",
        )
    if planned.paused:
        backfills.unpause(api, dag)


def _cancel(api: AirflowApi, found: dict[str, Any]) -> None:
    from penstock.stack import backfill as backfills

    backfills.cancel(api, found)
    states = backfills.account(api, found).states
    echo(f"backfill {found['id']} of {found['dag_id']} ended: {in_words(states)}")


def _wait(api: AirflowApi, found: dict[str, Any], dates: Sequence[str] | None, *, as_json: bool) -> None:
    """Show progress until all runs have ended, then print the account."""
    from penstock.stack import backfill as backfills

    began = time.monotonic()
    dag = found["dag_id"]
    try:
        with nullcontext() if as_json else RunsProgress() as progress:
            while True:
                now = backfills.account(api, found, dates)
                if progress is not None:
                    progress.show(now)
                if now.ended >= now.total:
                    break
                time.sleep(_POLL_S * (1 + now.total // _A_PAGE))
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            f"interrupted; backfill {found['id']} of {dag} continues in the background",
            hint=f"penstock backfill {dag} --follow waits for it, --cancel cancels it",
        ) from interrupt
    failed_tasks = partial(backfills.failed_tasks, api)
    print_end(found, now, failed_tasks, seconds=time.monotonic() - began, as_json=as_json)
    if now.failed:
        raise _failure(found, now)


def _failure(found: dict[str, Any], now: Account) -> RunsFailed:
    first, last = (short(now.failed[place]["logical_date"]) for place in (0, -1))
    return RunsFailed(
        f"{len(now.failed)} of {number_of_runs(now.total)} failed",
        hint=f"fix it, then: penstock backfill {found['dag_id']} --from {first} --to {last} --reprocess failed",
    )
