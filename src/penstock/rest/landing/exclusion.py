"""Locks that allow one process at a time per landing, across machines."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from penstock.model.api import ApiPlan
from penstock.model.errors import PenstockError
from penstock.objects.directory import DirectoryStore
from penstock.ports import ObjectStore
from penstock.rest.landing.session import declared_warehouse, shared_database, state_directory
from penstock.state_dir import acquire

_LOG = logging.getLogger(__name__)


@contextmanager
def alone(plan: ApiPlan, store: ObjectStore, *names: str) -> Iterator[None]:
    """Hold the locks of these names within the block, against all other processes.

    A file lock excludes processes on this machine. A lock in Postgres excludes other machines that write to the same
    bucket; it is held in the database of the plan's limit, or else in the connection ``warehouse``. S3 has no lock that
    all implementations support.

    Raises:
        PenstockError: Another process holds one of the locks.
        ConnectionFailed: The database cannot be reached, or refuses the login.
    """
    elsewhere = not isinstance(store, DirectoryStore)
    database = shared_database(plan) or (declared_warehouse() if elsewhere else None)
    with ExitStack() as stack:
        stack.enter_context(locked(state_directory("locks"), *names))
        if database is not None:
            from penstock.rest.ratelimit.postgres import (
                held,  # takes a tenth of a second, so only where a lock is needed
            )

            stack.enter_context(held(database, *names))
        elif elsewhere:
            _LOG.warning(
                "%s: cannot lock %s against other machines without a Postgres connection 'warehouse'; do not land the "
                "same label on two machines at once",
                names[0],
                store.name,
            )
        yield


@contextmanager
def locked(directory: Path, *names: str) -> Iterator[None]:
    """Hold the locks of these names within the block, against other processes on this machine.

    Raises:
        PenstockError: Another process holds one of them.
    """

    def busy(_: str) -> None:
        raise PenstockError(f"another process is landing {names[0]}", hint="wait until it ends")

    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    while (descriptor := acquire(directory / f"{digest[:24]}.lock", busy)) is None:
        directory.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        os.close(descriptor)
