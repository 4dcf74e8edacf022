"""A project's `.env`, or another file of `NAME=value` lines: environment variables for a command and its processes.

Variables of the process override those of the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from penstock.model.errors import UsageError

NAME = ".env"
VARIABLE = "PENSTOCK_ENV_FILE"  # passes the choice on to child commands


def is_env_file(word: str) -> bool:
    """Whether the word names a file instead of an environment, whose name has no dot or slash.

    Example:
        >>> [is_env_file(word) for word in ("prod", "prod.env", ".env", "./prod")]
        [False, True, True, True]
    """
    return "." in word or "/" in word


def chosen_file(root: Path | None, named: str | None = None) -> Path | None:
    """Return the file to read: the named one, else that of `PENSTOCK_ENV_FILE`, else the project's `.env`.

    Raises:
        UsageError: The named file does not exist.
    """
    named = named or os.environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise UsageError(
                f"missing file {named}",
                hint="use the name of an environment, without dots, or a file of NAME=value lines",
            )
        return path
    default = None if root is None else root / NAME
    return default if default is not None and default.is_file() else None


def read(path: Path) -> dict[str, str]:
    """Read the file. `${NAME}` refers to another variable; names without a value are skipped.

    Raises:
        UsageError: The file cannot be read, or a line is invalid; the message shows no values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not valid UTF-8", hint="save it as UTF-8") from None
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        return {}
    # Imported on first use, because it takes 20 ms.
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    for binding in parse_stream(StringIO(text)):
        if binding.error:
            raise UsageError(f"{path}:{binding.original.line}: invalid line", hint="use NAME=value")
    return {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value is not None}


@contextmanager
def given(path: Path | None, *, hand_on: bool = False) -> Iterator[Mapping[str, str]]:
    """Add the file's variables to the process's environment within the block; existing variables win.

    Args:
        hand_on: Let child commands read the same file instead of `.env`.

    Raises:
        UsageError: See `read`.
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
            if os.environ.get(name) == value:  # keep values that were changed since
                del os.environ[name]
