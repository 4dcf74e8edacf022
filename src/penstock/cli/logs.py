"""`penstock logs`: the logs of the stack."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.terminal.streams import echo
from penstock.model.errors import UsageError
from penstock.project import find_project

app = typer.Typer()


@app.command()
def logs(
    part: Annotated[
        str | None,
        typer.Argument(help="One component, as status lists it. Default: all.", show_default=False),
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Number of last lines of each.")] = 20,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until Ctrl-C.")] = False,
) -> None:
    """Print the logs of the stack's components.

    Example: penstock logs scheduler -f
    """
    from penstock.stack.status import Reader, log_files

    files = log_files(find_project())
    if part is not None and part not in files:
        raise UsageError(f"no component {part!r} in the stack", hint=f"there are: {', '.join(files)}")
    chosen = files if part is None else {part: files[part]}
    width = 0 if part else max(map(len, chosen)) + 2
    reader = Reader(chosen, lines)
    try:
        for name, line in reader.lines(follow=follow):
            echo(f"{name:<{width}}{line}" if width else line)
    except KeyboardInterrupt:
        if not follow:
            raise
