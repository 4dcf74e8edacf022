"""Rich's console as all commands use it."""

from __future__ import annotations

import sys

from rich.console import Console

# Where nobody watches, tables are as wide as most of them need to be.
_WIDTH = 160
_HEIGHT = 25


class PenstockConsole(Console):
    """Writes to a standard stream. That nobody reads it any more is an error like any other, for the caller to handle.

    Args:
        stderr: To standard error, and not to standard output.
        soft_wrap: Leave the folding of long lines to the terminal.

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
        """Raise it again: Rich would end the process, whatever that is doing."""
        raise  # noqa: PLE0704  # Rich calls this while it handles the error
