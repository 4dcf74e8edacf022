"""Locks that allow one run at a time per landing."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.model.errors import PenstockError


@contextmanager
def locked(directory: Path, *names: str) -> Iterator[None]:
    """Hold the locks of these names within the block, against other processes on this machine.

    Raises:
        PenstockError: Another process holds one of them.
    """
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    path = directory / f"{digest[:24]}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PenstockError(f"another process is landing {names[0]}", hint="wait until it ends") from None
        yield
    finally:
        os.close(descriptor)
