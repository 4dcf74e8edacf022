"""The steps of one landing, from the plan to the account."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from penstock.environments.secret_detection import looks_secret
from penstock.lookup.connections import find
from penstock.lookup.stores import open_lake
from penstock.model.address import Lake, parse
from penstock.model.api import ApiPlan
from penstock.model.api.requests import Answer
from penstock.model.errors import SourceError, UsageError
from penstock.model.outcome import NothingLanded
from penstock.model.plurals import counted
from penstock.model.result import LandResult
from penstock.ports import LandingProgress, ObjectStore
from penstock.rest.fetch import fetch
from penstock.rest.lake.landing_dir import Landing, kind_of, place
from penstock.rest.lake.source import LakeSource
from penstock.rest.landing.exclusion import alone
from penstock.rest.landing.pending import Missing, Wish, choose_label, close
from penstock.rest.landing.session import entered
from penstock.rest.landing.state import Memory
from penstock.rest.stats import Fetched

_LOG = logging.getLogger(__name__)


def land(plan: ApiPlan, wish: Wish, progress: LandingProgress | None = None) -> LandResult:
    """Request and land everything that is missing.

    Args:
        progress: Receives progress updates. If it fails, the landing continues without it.

    Raises:
        SourceError: Answers are missing. Received answers have landed, and the next run requests the rest.
        NothingLanded: No answer holds a record, or the plan makes no requests, and `allow_empty` is not set. The
            landing is finished, and a repetition would have the same result.
        PenstockError: No request could be made; the message has the reason and a hint.
    """
    path = _path(wish.target)
    store = open_lake()
    _require_no_secret(plan)
    find(plan.connection, "http")  # fails before anything is written
    # Runs without a label share one landing.
    with alone(plan, store, f"lake:{path}", store.name, kind_of(plan), wish.label or ""):
        label = choose_label(store, path, plan, wish)
        landing = Landing(store, place(path, plan, label))
        landing.recall()
        result = _complete(plan, store, landing, wish, progress)
        close(store, path, plan, label)
    if result.empty and not (wish.allow_empty or result.all_absent or _has_come_further(plan, landing)):
        raise NothingLanded(
            f"{wish.target}: {result.remark()}",
            hint="if the API may have no data: --allow-empty, in Python allow_empty=True",
            result=result,
        )
    return result


def _complete(
    plan: ApiPlan, store: ObjectStore, landing: Landing, wish: Wish, progress: LandingProgress | None
) -> LandResult:
    """Request what is missing, and mark the landing as finished when it is complete."""
    begun = time.perf_counter()
    memory = Memory(store, plan, landing, again=wish.again)
    missing = Missing(plan, landing, wish, memory)
    todo = iter(missing)
    if landing.account is not None:
        first = next(todo, None)
        if first is None:
            return LandResult(**{**landing.account, "already": True})
        todo = chain([first], todo)
    with entered(plan) as (complete, entrance):
        landing.begin(plan, memory.since())
        delivery = _Delivery(landing)
        fetched = fetch(complete, todo, entrance, delivery.land, progress)
    result = _account(plan, wish.target, missing, landing, fetched, delivery.batches)
    _require_whole(plan, result, fetched)
    empty = not (result.fresh or result.unchanged or _has_records(plan, store, landing))
    result = replace(result, empty=empty, seconds=round(time.perf_counter() - begun, 3))
    memory.learn()
    landing.finish(result.to_dict(), missing.passed)
    return result


def _require_no_secret(plan: ApiPlan) -> None:
    for name in plan.headers:
        if looks_secret(name):
            raise UsageError(
                f"the plan has a header {name!r}, which would be stored with the landing in plain text",
                hint=f"store the key in the connection (penstock connection set {plan.connection} --password), and "
                f"write auth: {{header: {name}}} in the plan",
            )


def _has_records(plan: ApiPlan, store: ObjectStore, landing: Landing) -> bool:
    return LakeSource(store, list(landing.batches()), plan.answers).has_records()


def _has_come_further(plan: ApiPlan, landing: Landing) -> bool:
    """Whether an earlier landing held records, so that this one requests only newer ones."""
    return plan.since is not None and landing.since not in (None, plan.since.start)


class _Delivery:
    """Lands answers and reports progress, because landing from a slow API takes hours."""

    def __init__(self, landing: Landing) -> None:
        self.batches = 0
        self._answers = 0
        self._landing = landing

    def land(self, answers: Sequence[Answer]) -> None:
        self._landing.land(answers)
        self.batches += 1
        self._answers += len(answers)
        _LOG.info("%s: %d answers have landed in this run", self._landing.place.key, self._answers)


def _account(
    plan: ApiPlan, target: str, missing: Missing, landing: Landing, fetched: Fetched, batches: int
) -> LandResult:
    earlier = landing.earlier
    return LandResult(
        target=target,
        label=landing.place.label,
        requests=missing.requests,
        answered=missing.before + fetched.asked - fetched.failed - fetched.errors,
        fresh=len(missing.passed),
        answers=earlier["answers"] + fetched.answers - fetched.errors,
        absent=earlier["absent"] + fetched.absent,
        unchanged=earlier["unchanged"] + fetched.unchanged,
        calls=fetched.calls,
        landed_before=missing.before,
        batches=earlier["batches"] + batches,
        bytes=earlier["bytes"] + fetched.bytes,
        without_next=plan.pages.path if plan.pages is not None and fetched.has_next_path is False else None,
    )


def _require_whole(plan: ApiPlan, result: LandResult, fetched: Fetched) -> None:
    lacking = result.requests - result.answered - result.fresh
    if lacking:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in sorted(fetched.reasons.items()))
        have = "has" if lacking == 1 else "have"
        raise SourceError(
            f"{plan.source}: {lacking} of {counted(result.requests, 'request')} {have} no answer: {reasons}",
            hint="received answers have landed; run it again to request the missing ones. To accept a status, set "
            "statuses in the plan",
        )


def _path(target: str) -> str:
    address = parse(target)
    if not isinstance(address, Lake) or not address.path:
        raise UsageError(f"invalid lake address {target!r}", hint="use lake:name")
    return address.path
