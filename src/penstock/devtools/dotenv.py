"""A project's `.env`, or another file of `NAME=value` lines: variables for a command and all that it starts.

The process's own variables win, so that what is said for one call counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from penstock.model.errors import UsageError

NAME = ".env"
VARIABLE = "PENSTOCK_ENV_FILE"  # hands the choice on to the commands that a command starts


def is_env_file(word: str) -> bool:
    """Whether this names a file and no environment, whose name has neither dot nor slash.

    Example:
        >>> [is_env_file(word) for word in ("prod", "prod.env", ".env", "./prod")]
        [False, True, True, True]
    """
    return "." in word or "/" in word


def chosen_file(root: Path | None, named: str | None = None) -> Path | None:
    """The file that a command reads: the one named, else that of `PENSTOCK_ENV_FILE`, else the project's `.env`.

    Raises:
        UsageError: The one named is not there.
    """
    named = named or os.environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise UsageError(
                f"there is no file {named}",
                hint="--env takes the name of an environment, without dots, or a file of NAME=value lines",
            )
        return path
    default = None if root is None else root / NAME
    return default if default is not None and default.is_file() else None


def read(path: Path) -> dict[str, str]:
    """What the file says; `${NAME}` stands for another variable. A name without a value is passed over.

    Raises:
        UsageError: It cannot be read, or a line is no assignment; the message shows no value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not written in UTF-8") from None
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        return {}
    # Imported when there is something to read: it takes 20 ms.
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    for binding in parse_stream(StringIO(text)):
        if binding.error:
            raise UsageError(
                f"{path}:{binding.original.line}: this is no assignment", hint="write it as NAME=value"
            )
    return {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value is not None}


@contextmanager
def given(path: Path | None, *, hand_on: bool = False) -> Iterator[Mapping[str, str]]:
    """Within this block the file's variables are the process's, where it has none of the name.

    Args:
        hand_on: Commands that are started from here read the same file, instead of a `.env`.

    Raises:
        UsageError: As `read`.
    """
    variables = {} if path is None else read(path)
    if path is not None and hand_on:
        variables[VARIABLE] = str(path)
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ |= added
    try:
        yield added
    finally:
        for name, value in added.items():
            if os.environ.get(name) == value:  # what was said since then stays
                del os.environ[name]
