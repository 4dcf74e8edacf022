"""State that a lake address keeps between landings of a plan."""

from __future__ import annotations

from penstock.model.api import ApiPlan
from penstock.ports import ObjectStore
from penstock.rest.lake.http_cache import Remembered, Validators
from penstock.rest.lake.incremental import read_since, write_since
from penstock.rest.lake.landing_dir import Landing, kind_of


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
