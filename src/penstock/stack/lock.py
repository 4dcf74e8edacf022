"""Locks on files of a project's state directory, which end with the process that holds them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from penstock.project import Project, leave_to_owner


@contextmanager
def locked(project: Project, *parts: str, busy: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold a lock; it is waited for.

    Args:
        parts: The file, below the state directory.
        busy: Told first who holds the lock, such as `process 4711`; it may raise instead of waiting.

    Raises:
        BrokenState: The state directory cannot be used.

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
                with suppress(OSError):  # on a full disk the lock counts, and is nobody's
                    os.truncate(lock.fileno(), 0)
                    os.pwrite(lock.fileno(), str(os.getpid()).encode(), 0)
                yield
                return
        project.make_state_dir(
            *parts[:-1]
        )  # it was removed meanwhile, and whoever comes next would not see it


def _holder(lock: IO[str]) -> str:
    pid = lock.read().strip()
    return f"process {pid}" if pid.isdigit() else "another process"
