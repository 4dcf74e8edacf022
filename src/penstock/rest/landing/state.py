"""State that a lake address keeps between landings: answers seen, and the end of an incremental parameter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from penstock.model.api import Answers, ApiPlan, Since
from penstock.ports import ObjectStore
from penstock.rest.lake.http_cache import Remembered, Validators
from penstock.rest.lake.landing_dir import Landing, kind_of, read_json
from penstock.rest.lake.source import LakeSource


class Memory:
    """Validators of answers, and the greatest value of the records."""

    def __init__(self, store: ObjectStore, plan: ApiPlan, landing: Landing, *, again: bool) -> None:
        self._store = store
        self._plan = plan
        self._landing = landing
        before = f"{landing.place.path}/_memory/{kind_of(plan)}"
        self._since_key = f"{before}.json"
        # Each page depends on the one before, so paginated answers are not validated but requested completely.
        self._validators = (
            Validators(store, f"{before}.parquet")
            if plan.cache and plan.pages is None and not again
            else None
        )

    def since(self) -> str | None:
        """Return the start value of this landing, if the plan is incremental."""
        return (
            None if self._plan.since is None else read_since(self._store, self._since_key, self._plan.since)
        )

    def find(self, request: str) -> Remembered | None:
        """Return the cached answer to this request."""
        return None if self._validators is None else self._validators.find(request)

    def learn(self) -> None:
        """Update the state from the landed answers. Must run before the landing is marked as finished."""
        if self._validators is not None:
            self._validators.learn(self._landing.batches())
        if self._plan.since is not None:
            write_since(self._store, self._since_key, self._plan, list(self._landing.batches()))


def read_since(store: ObjectStore, key: str, since: Since) -> str:
    """Return the greatest value of earlier landings, or else the plan's start value."""
    kept = read_json(store, key)
    return since.start if kept is None else str(kept["since"])


def write_since(store: ObjectStore, key: str, plan: ApiPlan, batches: Sequence[str]) -> None:
    """Store the greatest value, including the values of these batches."""
    assert plan.since is not None
    answers = Answers(records=plan.answers.records, columns={"since": plan.since.path})
    greatest = read_since(store, key, plan.since)
    for batch in LakeSource(store, batches, answers).batches():
        for value in batch.rows.column("since").to_pylist():
            if value is not None and is_greater(value, greatest):
                greatest = value
    store.put(key, json.dumps({"since": greatest}).encode())


def is_greater(one: str, other: str) -> bool:
    """Compare numbers as numbers, and anything else as text.

    Example:
        >>> is_greater("10", "9"), is_greater("2013-02-10", "2013-02-09")
        (True, True)
    """
    try:
        return Decimal(one) > Decimal(other)
    except InvalidOperation:
        return one > other
