"""File locks in a project's state directory, released when the process ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from penstock.project import Project
from penstock.state_dir import acquire


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
    while True:
        descriptor = acquire(project.make_state_dir(*parts[:-1]) / parts[-1], busy)
        if descriptor is not None:
            break
    try:
        yield
    finally:
        os.close(descriptor)
