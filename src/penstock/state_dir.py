"""The files of a project's state directory: their owner, locks, and errors with a hint how to fix them."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import stat
from collections.abc import Callable
from contextlib import suppress
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
    message = f"{path} is not accessible to this account ({account_name(me)})"
    if owner == me:
        return BrokenState(message, hint=f"chmod -R u+rwX {asked}")
    return BrokenState(
        f"{message}: {asked} belongs to {account_name(owner)}",
        hint=f"run Penstock as {account_name(owner)}, or take it over: sudo chown -R {account_name(me)} {asked}",
    )


def _between(state: Path, path: Path) -> list[Path]:
    return [one for one in reversed((path, *path.parents)) if state in one.parents]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # below an inaccessible directory
        return False


def account_name(uid: int) -> str:
    """Return the name of an account, or its number if it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def leave_to_owner(path: Path) -> None:
    """As root, give a new directory in another account's state directory to that account; otherwise do nothing."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def require_own_way(path: Path) -> None:
    """As root, check that `path` is not a link that another account has set.

    Raises:
        BrokenState: It is: root would write where the link leads.
    """
    if os.geteuid() == 0 and path.is_symlink() and (uid := path.lstat().st_uid) != 0:
        raise BrokenState(
            f"{path} is a link that belongs to {account_name(uid)}",
            hint=f"run Penstock as {account_name(uid)}, or replace the link by a directory",
        )


def open_file(path: Path, flags: int) -> int:
    """Open a file of the state directory, or create it with mode 0600, and return its descriptor.

    Links are not followed. As root, a file in another account's directory is given to that account, unless it has
    several names: root would otherwise give away a file of its own to which the account has made a link.

    Args:
        flags: As for `os.open`.

    Raises:
        BrokenState: It is a link or no regular file.
        OSError: It cannot be opened.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise BrokenState(f"{path} is a link; Penstock needs a file there", hint=f"rm {path}") from error
        raise
    try:
        _require_own_file(descriptor, path)
        give_to_directorys_owner(descriptor, path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_own_file(descriptor: int, path: Path) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise BrokenState(f"{path} is not a file of its own", hint=f"mv {path} {path}.old")


def give_to_directorys_owner(descriptor: int, directory: Path) -> None:
    """As root, give an open file to the owner of its directory; otherwise do nothing."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def acquire(path: Path, busy: Callable[[str], None] = lambda _: None) -> int | None:
    """Lock a file, and wait for the lock first. It is released when its descriptor is closed, or the process ends.

    A library's lock would not name its holder, nor notice that the whole state directory was removed meanwhile.

    Args:
        busy: Called with the holder, such as `process 4711`, before waiting; may raise instead.

    Returns:
        The descriptor; None if the file was removed meanwhile, so that the next process would not see the lock.
    """
    descriptor = open_file(path, os.O_RDWR)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy(_holder(descriptor))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            with suppress(OSError):  # on a full disk the lock works, but does not name its holder
                os.truncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _holder(descriptor: int) -> str:
    pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
    return f"process {pid}" if pid.isdigit() else "another process"
