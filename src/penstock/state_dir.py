"""Errors of a project's state directory, each with a hint how to fix it."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path

from penstock.model.errors import PenstockError

FOLDER = ".penstock"


class BrokenState(PenstockError):
    """The state directory, or a file in it, is unusable."""


def concerns_state(error: OSError) -> bool:
    """Whether the error concerns a file of a project's state directory.

    Example:
        >>> concerns_state(PermissionError(errno.EACCES, "Permission denied", "/srv/shop/.penstock/stack/record.json"))
        True
    """
    return isinstance(error.filename, str) and FOLDER in Path(error.filename).parts


def broken_state(error: OSError) -> BrokenState:
    """Turn an error that concerns the state directory into one with a hint.

    Example:
        >>> broken_state(OSError(errno.EROFS, "Read-only file system", "/srv/shop/.penstock/logs")).message
        '/srv/shop/.penstock/logs: Read-only file system'
    """
    path = Path(error.filename)
    state = Path(*path.parts[: path.parts.index(FOLDER) + 1])
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        way = next((one for one in (state, *_between(state, path)) if one.is_file()), path)
        return BrokenState(
            f"{way} is a file, but Penstock needs a directory there", hint=f"mv {way} {way}.old"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return _closed(path, state)
    return BrokenState(f"{path}: {error.strerror}", hint="make its file system writable, then run again")


def _closed(path: Path, state: Path) -> BrokenState:
    """The owner of the state directory, or of the project's directory if there is no state directory yet."""
    asked = next(one for one in (state, *state.parents) if _is_there(one))
    owner, me = asked.stat().st_uid, os.geteuid()
    message = f"{path} is not accessible to this account ({_name(me)})"
    if owner == me:
        return BrokenState(message, hint=f"chmod -R u+rwX {asked}")
    return BrokenState(
        f"{message}: {asked} belongs to {_name(owner)}",
        hint=f"run Penstock as {_name(owner)}, or take it over: sudo chown -R {_name(me)} {asked}",
    )


def _between(state: Path, path: Path) -> list[Path]:
    return [one for one in reversed((path, *path.parents)) if state in one.parents]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # below an inaccessible directory
        return False


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
