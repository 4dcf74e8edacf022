"""Groups of options as dataclasses, and their help on narrow terminals."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

_Parameter = inspect.Parameter


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command for Typer in which each parameter of a dataclass type becomes one option per field.

    Typer itself only supports single options. Fields are annotated like a command's parameters.

    Example:
        Not run by the tests: annotations are looked up in the module that defines the class.

        >>> @dataclass(frozen=True)  # doctest: +SKIP
        ... class Page:
        ...     limit: Annotated[int, typer.Option(help="Maximum number of rows.")] = 20
        ...     offset: Annotated[int, typer.Option(help="First row.")] = 0
        >>> @app.command()  # doctest: +SKIP
        ... @grouped
        ... def show(table: str, page: Page) -> None:
        ...     print_rows(table, page.limit, page.offset)
    """
    parameters: list[_Parameter] = []
    groups: dict[str, type] = {}
    for one in inspect.signature(command, eval_str=True).parameters.values():
        if isinstance(one.annotation, type) and is_dataclass(one.annotation):
            groups[one.name] = one.annotation
            parameters += _options(one.annotation)
        else:
            parameters.append(one.replace(kind=_Parameter.KEYWORD_ONLY))

    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Typer reads it
    return run


def _options(group: type) -> Iterator[_Parameter]:
    types = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = _Parameter.empty if field.default is MISSING else field.default
        yield _Parameter(field.name, _Parameter.KEYWORD_ONLY, default=default, annotation=types[field.name])


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
