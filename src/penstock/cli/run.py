"""`penstock run`: runs a DAG without servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from penstock.cli.lazy_commands import Interrupted
from penstock.cli.terminal.streams import echo
from penstock.model.errors import ExitCode, UsageError
from penstock.project import Project, find_project

app = typer.Typer()


@app.command()
def run(  # noqa: PLR0913  # the options are the command's interface
    dag: Annotated[str, typer.Argument(help="The DAG's id.")],
    date: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Logical date, such as 2013-02-05. Default: now."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="Run all scheduled dates from this date ..."),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="... to this date, included.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK",
            help="Run only this task, in the latest run, with the results of its other tasks.",
        ),
    ] = None,
    conf: Annotated[
        str | None, typer.Option(metavar="JSON", help='Parameters, such as \'{"day": "2013-02-24"}\'.')
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", "-k", help="Continue with the other dates after a failure.")
    ] = False,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per event.")] = False,
) -> None:
    """Run a DAG without server and scheduler, on a separate metadata database. Tasks are not retried.

    Dates without a time zone are in the DAG's time zone. Exit codes: 0 done, 1 a task failed, 2 usage, 5 nothing to
    run, such as after the DAG's end. See docs/reference/exit-codes.md.

    Example: penstock run sales_warehouse --from 2013-02-01 --to 2013-02-07
    """
    from penstock.devtools.dag_events import DagRun, RunRequest

    _check_dates(date, start, end)
    read_conf(conf)
    project = find_project()
    request = RunRequest(dag, date, start, end, task, conf, keep_going)
    try:
        with DagRun(project, request) as events:
            _print_events(events) if as_json else _show(project, dag, events)
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            "interrupted; results of completed tasks are kept, the running task was stopped"
        ) from interrupt


def _show(project: Project, dag: str, events: Iterator[dict[str, Any]]) -> None:
    from penstock.cli.run_progress import RunBoard  # while Airflow starts in the other process

    with RunBoard(project, dag) as board:
        for event in events:
            board.show(event)
    if board.failure is not None:
        raise board.failure


def _print_events(events: Iterator[dict[str, Any]]) -> None:
    finished: dict[str, Any] = {}
    for event in events:
        echo(json.dumps(event))
        finished = event
    if finished["failed"]:
        raise typer.Exit(ExitCode.FAILED)
    if finished["empty"]:
        raise typer.Exit(ExitCode.NOTHING)


def _check_dates(date: str | None, start: str | None, end: str | None) -> None:
    from penstock.model.date_arguments import parse_moment

    for text in filter(None, (date, start, end)):
        parse_moment(text)
    if date and (start or end):
        raise UsageError("--date cannot be combined with --from and --to", hint="use one of them")
    if bool(start) != bool(end):
        raise UsageError(
            "--from and --to must be given together", hint="give both, or --date for a single run"
        )


def read_conf(conf: str | None) -> dict[str, Any] | None:
    """The parameters of `--conf`.

    Raises:
        UsageError: They are not a JSON object.
    """
    if conf is None:
        return None
    remedy = """write it as --conf '{"day": "2013-02-24"}'"""
    try:
        found = json.loads(conf)
    except ValueError as error:
        raise UsageError(f"--conf is not valid JSON: {error}", hint=remedy) from error
    if not isinstance(found, dict):
        raise UsageError("--conf must be a JSON object", hint=remedy)
    return found
