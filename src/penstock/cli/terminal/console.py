"""The Rich console of all commands."""

from __future__ import annotations

import sys

from rich.console import Console

# Width of tables if the output is not a terminal.
_WIDTH = 160
_HEIGHT = 25


class PenstockConsole(Console):
    """Writes to a standard stream. A closed pipe raises an error for the caller to handle.

    Args:
        stderr: Write to standard error instead of standard output.
        soft_wrap: Let the terminal wrap long lines.

    Example:
        >>> PenstockConsole().print("[bold]warehouse[/bold] 3 rows")
        warehouse 3 rows
    """

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        watched = stream is not None and stream.isatty()
        super().__init__(
            stderr=stderr,
            highlight=False,
            emoji=False,  # `:on:` may be part of a name
            soft_wrap=soft_wrap,
            width=None if watched else _WIDTH,
            height=None if watched else _HEIGHT,  # without one, Rich takes TERM=dumb for 80 columns
        )

    def on_broken_pipe(self) -> None:
        """Raise the error again: Rich would end the process."""
        raise  # noqa: PLE0704  # Rich calls this while it handles the error
