"""Becoming another program: its exit code and the signals it gets are its own then."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from penstock.model.errors import PenstockError

# Every word after the command's name is the program's, `--help` included.
WORDS_OF_ANOTHER = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}


def become(name: str, module: str, words: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program of this Python's own packages.

    Args:
        name: The program's name, as it is on the path.
        module: What `python -m` would run, where there is no such program.
    """
    script = Path(sys.executable).with_name(name)
    program = [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", module]
    sys.stdout.flush()
    os.execve(program[0], [*program, *words], dict(environment))  # noqa: S606  # no shell, on purpose


def require(module: str, extras: str) -> None:
    """Make sure that the program's package is there.

    Raises:
        PenstockError: It is not installed.
    """
    if find_spec(module) is None:
        raise PenstockError(f"{module} is not installed", hint=f"pip install 'penstock[{extras}]'")
