"""`penstock doctor`: finds problems of the machine and the project."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.environment_options import AsJson
from penstock.cli.terminal.streams import echo, legible
from penstock.model.errors import PenstockError
from penstock.project import NoProject, find_project

if TYPE_CHECKING:
    from penstock.devtools.doctor import Finding

app = typer.Typer()

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}


class SomethingIsWrong(PenstockError):
    """The doctor found problems and printed them."""


@app.command()
def doctor(
    *,
    connect: Annotated[
        bool,
        typer.Option(
            "--connect/--no-connect",
            help="Also connect to the environment's Postgres servers, for at most three seconds each.",
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Find what is wrong with this machine or project, and how to fix it.

    Exit codes: 0 nothing wrong, 1 something is. See docs/reference/exit-codes.md.

    Example: penstock doctor --no-connect
    """
    from penstock.devtools.doctor import Level, examine

    try:
        project = find_project()
    except NoProject:
        project = None
    found = list(examine(project, connect=connect))
    if as_json:
        echo(json.dumps([asdict(one) for one in found]))
    else:
        _print(found)
    wrong = sum(one.level is Level.wrong for one in found)
    if wrong:
        raise SomethingIsWrong(f"{wrong} {'problem' if wrong == 1 else 'problems'} found")


def _print(found: Sequence[Finding]) -> None:
    from rich.markup import escape

    from penstock.cli.terminal.streams import PenstockConsole

    console = PenstockConsole(soft_wrap=True)
    width = max(len(one.what) for one in found)
    for one in found:
        mark, color = MARKS[one.level]
        console.print(
            f"[{color}]{legible(mark)}[/{color}] {escape(one.what.ljust(width))}  {escape(one.message)}"
        )
        if one.remedy:
            console.print(escape(f"  {'':<{width}}  {one.remedy}"))
