"""`penstock reset`: removes the stack's data."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.terminal.streams import echo
from penstock.project import find_project

app = typer.Typer()


@app.command()
def reset(
    *, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False
) -> None:
    """Stop the stack and delete its databases, Airflow's history and the logs. Files, environments and keys stay.

    Example: penstock reset --yes
    """
    from penstock.stack import lifecycle

    project = find_project()
    if not yes:
        typer.confirm(
            f"Delete all tables of the embedded servers of {project.root}, and Airflow's history?",
            abort=True,
        )
    freed = lifecycle.reset(project)
    echo(f"removed, {freed / 1_000_000:.0f} MB")
