"""One process at a time for each landing, wherever it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from penstock.model.api import ApiPlan
from penstock.objects.directory import DirectoryStore
from penstock.ports import ObjectStore
from penstock.rest.lake.locking import locked
from penstock.rest.landing.session import declared_warehouse, shared_database, state_directory

_LOG = logging.getLogger(__name__)


@contextmanager
def alone(plan: ApiPlan, store: ObjectStore, *names: str) -> Iterator[None]:
    """Keep every other process out of what these names stand for, while the block lasts.

    Those of this machine are kept out by a lock of its file system; those of others that write to the same bucket by
    one in Postgres: where the plan's limit is kept, else in the connection ``warehouse``. S3 itself has no lock that
    every server keeps.

    Raises:
        PenstockError: If another process is there.
        ConnectionFailed: If the database cannot be reached or entered.
    """
    elsewhere = not isinstance(store, DirectoryStore)
    database = shared_database(plan) or (declared_warehouse() if elsewhere else None)
    with ExitStack() as stack:
        stack.enter_context(locked(state_directory("locks"), *names))
        if database is not None:
            from penstock.rest.ratelimit.postgres import (
                held,  # a tenth of a second, where there is no lock to hold
            )

            stack.enter_context(held(database, *names))
        elif elsewhere:
            _LOG.warning(
                "%s: other machines are not kept out of %s, for there is no Postgres connection 'warehouse' to hold a "
                "lock; do not land one label on two machines at once",
                names[0],
                store.name,
            )
        yield
