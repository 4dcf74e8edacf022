"""The file of variables that one command reads: `.env`, unless `--env-file` or `--env` names another."""

from __future__ import annotations

from contextlib import ExitStack

import typer

from penstock.devtools.dotenv import chosen_file, given, is_env_file
from penstock.model.errors import PenstockError
from penstock.project import Project, find_project

_KEPT = "penstock.env_file"  # where the running command keeps what it read


def read_env_file(context: typer.Context, named: str | None = None) -> None:
    """Give the command the variables of the file, instead of those of a file that was read before.

    Raises:
        UsageError: The file named is not there, or a line of it is no assignment.
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
    """The environment that a command's own `--env` names; where that is a file, its variables are given instead.

    Raises:
        UsageError: As `read_env_file`.
    """
    if word is None or not is_env_file(word):
        return word
    read_env_file(context, word)
    return None


def _project() -> Project | None:
    try:
        return find_project()
    except PenstockError:  # the command says so, if it needs one
        return None
