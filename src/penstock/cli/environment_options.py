"""Shared by the commands on environments: which one is meant, and tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Annotated

import typer

from penstock.environments import Environment, choose, load
from penstock.environments.errors import suggestion
from penstock.environments.loading import BASE
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed
from penstock.project import Project, find_project

_AS_WIDE_AS_NEEDED = 100_000

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def here(name: str | None) -> tuple[Project, Environment]:
    """The project, and its environment of this name, or the one in use."""
    project = find_project()
    return project, load(project.root, name)


def written_to(project: Project, name: str | None) -> str:
    """The environment to write a change to; ``base`` if the project has none."""
    return choose(project.root, name) or BASE


def lookup(name: str, env: str | None) -> Connection:
    """The connection that a copy would use.

    Raises:
        ConnectionFailed: If there is none.
    """
    from penstock import lookup

    found = lookup.find(name, environment=env)
    if found is None:
        known = here(env)[1].connection_names()  # outside a project, its error is the better one
        raise ConnectionFailed(f"no connection {name!r}", hint=suggestion(name, known))
    return found


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[str] = ()
) -> None:
    """Print rows under their columns' names.

    Lines are not folded: the terminal folds them, and text copied from it stays whole.

    Args:
        numbers: Columns to align right.
    """
    from rich.console import ConsoleDimensions
    from rich.table import Table
    from rich.text import Text

    from penstock.cli.terminal.streams import PenstockConsole

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True, justify="right" if column in numbers else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = PenstockConsole()
    console.size = ConsoleDimensions(
        _AS_WIDE_AS_NEEDED, 25
    )  # with a height too: otherwise Rich takes TERM=dumb for 80 columns
    with console.capture() as printed:
        console.print(table)
    # The console has escaped control characters, and its own are styles.
    typer.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))  # noqa: TID251
