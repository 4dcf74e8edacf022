"""The .env file of one command: `.env`, unless `--env-file` or `--env` names another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from penstock.devtools.dotenv import chosen_file, given, is_env_file
from penstock.model.errors import PenstockError
from penstock.project import Project, find_project

_KEPT = "penstock.env_file"  # key of the variables that the running command has read


def read_env_file(context: typer.Context, named: str | None = None) -> None:
    """Set the variables of the file, and unset those of a file that was read before.

    Raises:
        UsageError: The file is missing, or a line of it is not an assignment.
    """
    before = context.meta.pop(_KEPT, None)
    if before is not None:
        before.close()
    stack = context.meta[_KEPT] = ExitStack()
    context.find_root().call_on_close(stack.close)
    project = _project()
    path = chosen_file(None if project is None else project.root, named)
    stack.enter_context(given(path, hand_on=named is not None))


def environment_or_file(context: typer.Context, word: str | None) -> str | None:
    """The environment that a command's own `--env` names. If it is a file, set its variables instead.

    Raises:
        UsageError: See `read_env_file`.
    """
    if word is None or not is_env_file(word):
        return word
    read_env_file(context, word)
    return None


Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="NAME|FILE",
        callback=environment_or_file,
        help="The environment, such as prod, or a .env file. Default: PENSTOCK_ENV, else the project's.",
    ),
]


def _project() -> Project | None:
    try:
        return find_project()
    except PenstockError:  # commands that need a project report it
        return None


VARIABLE = "PENSTOCK_ENV"


@contextmanager
def using(name: str | None) -> Iterator[None]:
    """Use the environment of this name within this block; None changes nothing.

    Example:
        >>> with using("prod"):
        ...     os.environ["PENSTOCK_ENV"]
        'prod'
    """
    before = os.environ.get(VARIABLE)
    if name is not None:
        os.environ[VARIABLE] = name
    try:
        yield
    finally:
        if name is not None and before is None:
            del os.environ[VARIABLE]
        elif before is not None:
            os.environ[VARIABLE] = before
