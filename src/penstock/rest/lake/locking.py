"""One run at a time for each landing."""

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
    """Keep every other process of this machine out of what these names stand for, while the block lasts.

    Raises:
        PenstockError: If another process is there.
    """
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    path = directory / f"{digest[:24]}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PenstockError(
                f"{names[0]} is being landed by another process", hint="wait for it to end"
            ) from None
        yield
    finally:
        os.close(descriptor)
