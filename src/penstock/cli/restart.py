"""`penstock restart`: restarts the stack or one component."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from penstock.cli.env_file import VARIABLE, using
from penstock.cli.terminal.streams import echo
from penstock.model.errors import UsageError
from penstock.project import Project, find_project

app = typer.Typer()


@app.command()
def restart(
    part: Annotated[
        str | None,
        typer.Argument(help="One component, as status lists it. Default: all.", show_default=False),
    ] = None,
) -> None:
    """Restart the stack or one component, and wait until it is healthy.

    Example: penstock restart scheduler
    """
    from penstock.stack import lifecycle
    from penstock.stack.components import LASTING

    project = find_project()
    if part is None:
        from penstock.cli.start import start
        from penstock.cli.stop import stop

        with using(_environment(project)):
            stop()
            start()
        return
    if part not in LASTING:
        raise UsageError(f"no component {part!r} in the stack", hint=f"there are: {', '.join(LASTING)}")
    seconds = lifecycle.restart(project, part)
    echo(f"{part}: healthy again after {seconds:.1f} s")


def _environment(project: Project) -> str | None:
    """The environment to restart in: the requested one, or else the running one."""
    from penstock.stack.state_file import recall

    found = recall(project)
    return os.environ.get(VARIABLE) or (found.environment if found else None)
