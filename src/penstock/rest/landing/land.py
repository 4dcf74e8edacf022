"""The story of one landing, from the plan to the account."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from penstock.lookup.connections import find
from penstock.lookup.stores import open_lake
from penstock.model.address import Lake, parse
from penstock.model.api import ApiPlan
from penstock.model.api.response import Answer
from penstock.model.errors import NothingLanded, SourceError, UsageError
from penstock.model.land_result import LandResult
from penstock.ports import LandingProgress, ObjectStore
from penstock.rest.fetch import fetch
from penstock.rest.lake.landing_dir import Landing, kind_of, place
from penstock.rest.lake.source import LakeSource
from penstock.rest.landing.exclusion import alone
from penstock.rest.landing.labels import choose_label, close
from penstock.rest.landing.pending import Missing, Wish
from penstock.rest.landing.session import entered
from penstock.rest.landing.state import Memory
from penstock.rest.stats import Fetched

_LOG = logging.getLogger(__name__)


def land(plan: ApiPlan, wish: Wish, progress: LandingProgress | None = None) -> LandResult:
    """Ask for everything that is missing, and land it.

    Args:
        progress: Receives progress updates. If it fails, the landing goes on without it.

    Raises:
        SourceError: If answers are missing in the end; what came has landed, and the next run asks for the rest.
        NothingLanded: If no answer holds a record, or there is nothing to ask, and nobody said that this may be. The
            landing is finished, and would be the same if it were repeated.
        PenstockError: If nothing could be asked, with the reason and the remedy.
    """
    path = _path(wish.target)
    store = open_lake()
    find(plan.connection, "http")  # where there is none, nothing is begun
    # Runs without a label are one landing.
    with alone(plan, store, f"lake:{path}", store.name, kind_of(plan), wish.label or ""):
        label = choose_label(store, path, plan, wish)
        landing = Landing(store, place(path, plan, label))
        landing.recall()
        result = _complete(plan, store, landing, wish, progress)
        close(store, path, plan, label)
    if result.empty and not (wish.allow_empty or result.all_absent or _has_come_further(plan, landing)):
        raise NothingLanded(
            f"{wish.target}: {result.remark()}",
            hint="where the API may have nothing: --allow-empty, in Python allow_empty=True",
            result=result,
        )
    return result


def _complete(
    plan: ApiPlan, store: ObjectStore, landing: Landing, wish: Wish, progress: LandingProgress | None
) -> LandResult:
    """Ask for what the landing lacks, and declare it finished when it lacks nothing."""
    begun = time.perf_counter()
    memory = Memory(store, plan, landing, again=wish.again)
    missing = Missing(plan, landing, wish, memory)
    todo = iter(missing)
    if landing.account is not None:
        first = next(todo, None)
        if first is None:
            return LandResult(**{**landing.account, "already": True})
        todo = chain([first], todo)
    with entered(plan) as (told, entrance):
        landing.begin(plan, memory.since())
        delivery = _Delivery(landing)
        fetched = fetch(told, todo, entrance, delivery.land, progress)
    result = _account(wish.target, missing, landing, fetched, delivery.batches)
    _require_whole(plan, result, fetched)
    empty = not (result.fresh or result.unchanged or _has_records(plan, store, landing))
    result = replace(result, empty=empty, seconds=round(time.perf_counter() - begun, 3))
    memory.learn()
    landing.finish(result.to_dict(), missing.passed)
    return result


def _has_records(plan: ApiPlan, store: ObjectStore, landing: Landing) -> bool:
    return LakeSource(store, list(landing.batches()), plan.answers).has_records()


def _has_come_further(plan: ApiPlan, landing: Landing) -> bool:
    """Whether an earlier landing held records, after which this one asks for newer ones only."""
    return plan.since is not None and landing.since not in (None, plan.since.start)


class _Delivery:
    """Lands answers, and tells how far that is: a slow API's landing takes hours."""

    def __init__(self, landing: Landing) -> None:
        self.batches = 0
        self._answers = 0
        self._landing = landing

    def land(self, answers: Sequence[Answer]) -> None:
        self._landing.land(answers)
        self.batches += 1
        self._answers += len(answers)
        _LOG.info("%s: %d answers have landed in this run", self._landing.place.key, self._answers)


def _account(target: str, missing: Missing, landing: Landing, fetched: Fetched, batches: int) -> LandResult:
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
    )


def _require_whole(plan: ApiPlan, result: LandResult, fetched: Fetched) -> None:
    lacking = result.requests - result.answered - result.fresh
    if lacking:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in sorted(fetched.reasons.items()))
        raise SourceError(
            f"{plan.source}: {lacking} of {result.requests} requests have no answer: {reasons}",
            hint="what came has landed; run it again, it asks for what is missing. In the plan, statuses says what a "
            "status means",
        )


def _path(target: str) -> str:
    address = parse(target)
    if not isinstance(address, Lake) or not address.path:
        raise UsageError(f"{target!r} names no place in the lake", hint="land answers in lake:name")
    return address.path
