"""What a place of the lake remembers from one landing of a plan to the next."""

from __future__ import annotations

from penstock.model.api import ApiPlan
from penstock.ports import ObjectStore
from penstock.rest.lake.http_cache import Remembered, Validators
from penstock.rest.lake.incremental import read_since, write_since
from penstock.rest.lake.landing_dir import Landing, kind_of


class Memory:
    """Validators of answers, and the greatest value that records held."""

    def __init__(self, store: ObjectStore, plan: ApiPlan, landing: Landing, *, again: bool) -> None:
        self._store = store
        self._plan = plan
        self._landing = landing
        before = f"{landing.place.path}/_memory/{kind_of(plan)}"
        self._since_key = f"{before}.json"
        # A page is good or not by itself, but the next one hangs on it: long answers are asked for whole.
        self._validators = (
            Validators(store, f"{before}.parquet")
            if plan.cache and plan.pages is None and not again
            else None
        )

    def since(self) -> str | None:
        """Where this landing starts, if the plan has a parameter that grows."""
        return (
            None if self._plan.since is None else read_since(self._store, self._since_key, self._plan.since)
        )

    def find(self, request: str) -> Remembered | None:
        """What is known of this request's answer."""
        return None if self._validators is None else self._validators.find(request)

    def learn(self) -> None:
        """Remember what has landed. Done before the landing is declared finished, so that it is never left out."""
        if self._validators is not None:
            self._validators.learn(self._landing.batches())
        if self._plan.since is not None:
            write_since(self._store, self._since_key, self._plan, list(self._landing.batches()))
