"""Help for narrow terminals, where boxes would cut off the names of options."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

_WIDTH_OF_BOXES = 72
_MARGIN = 2

Formatter: Any = object if TYPE_CHECKING else typer.Context.formatter_class


class Listing(Formatter):  # type: ignore[misc]  # Typer keeps its class to itself
    """Prints each name on its own line, and its help below."""

    def write_dl(self, rows: Sequence[tuple[str, str]], **_: int) -> None:
        """Write a list of names and their help."""
        for name, meaning in rows:
            self.write_text(name)
            self.indent()
            self.write_text(meaning)
            self.dedent()


class NarrowContext(typer.Context):
    """Formats help for a narrow terminal."""

    formatter_class = Listing


def fitting(command: Any) -> Any:
    """The command, with help formatted for the terminal if that is narrow."""
    width = shutil.get_terminal_size().columns
    if width < _WIDTH_OF_BOXES:
        for one in (command, *getattr(command, "commands", {}).values()):
            one.rich_markup_mode = None
            one.context_class = NarrowContext
            one.context_settings = {**one.context_settings, "terminal_width": width - _MARGIN}
    return command
