"""Replaces this process by another program, which then gets all signals and sets the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from penstock.model.errors import PenstockError

# All arguments after the command's name belong to the program, `--help` included.
WORDS_OF_ANOTHER = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}


def become(name: str, module: str, words: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program of an installed package.

    Args:
        name: The program's name on the path.
        module: The module for `python -m`, if the program does not exist.
    """
    script = Path(sys.executable).with_name(name)
    program = [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", module]
    sys.stdout.flush()
    os.execve(program[0], [*program, *words], dict(environment))  # noqa: S606  # no shell, on purpose


def require(module: str, extras: str) -> None:
    """Check that the program's package is installed.

    Raises:
        PenstockError: It is not installed.
    """
    if find_spec(module) is None:
        raise PenstockError(f"{module} is not installed", hint=f"pip install 'penstock[{extras}]'")
