"""File locks in a project's state directory, released when the process ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from penstock.project import Project, leave_to_owner


@contextmanager
def locked(project: Project, *parts: str, busy: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold a lock within the block; wait for it first.

    Args:
        parts: Path of the file below the state directory.
        busy: Called with the holder, such as `process 4711`, before waiting; may raise instead.

    Raises:
        BrokenState: The state directory is not usable.

    Example:
        with locked(project, "airflow", "run.lock"):
            ...
    """
    path = project.make_state_dir(*parts[:-1]) / parts[-1]
    while True:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
            leave_to_owner(path)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                busy(_holder(lock))
                fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists() and path.stat().st_ino == os.fstat(lock.fileno()).st_ino:
                with suppress(OSError):  # on a full disk the lock works, but does not name its holder
                    os.truncate(lock.fileno(), 0)
                    os.pwrite(lock.fileno(), str(os.getpid()).encode(), 0)
                yield
                return
        project.make_state_dir(
            *parts[:-1]
        )  # the file was removed meanwhile, so the next process would not see the lock


def _holder(lock: IO[str]) -> str:
    pid = lock.read().strip()
    return f"process {pid}" if pid.isdigit() else "another process"
