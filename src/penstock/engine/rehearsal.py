"""A copy that is rolled back, to show what it would do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from penstock.engine.copy import Attempt, attempt, identify, without_loaded
from penstock.model.contract import Contract
from penstock.model.plan import CopyPlan, Threshold
from penstock.model.result import CopyResult
from penstock.ports import Progress, SafeProgress, Session, Source, Target


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A copy that was rolled back.

    Args:
        result: Its account.
        examples: The first rejects, a line each.
        created: The table that it created, if there was none.
    """

    result: CopyResult
    examples: Sequence[str]
    created: Contract | None


class _RolledBack(Exception):
    """Ends the transaction of a rehearsal."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__()
        self.rehearsal = rehearsal


def _roll_back(rehearsal: Rehearsal) -> NoReturn:
    raise _RolledBack(rehearsal)


def rehearse(
    plan: CopyPlan, source: Source, target: Target, *, again: bool = False, progress: Progress | None = None
) -> Rehearsal:
    """Carry out a plan in its transaction, and roll it back. No number of rejects ends it early.

    Raises:
        PenstockError: If the copy would fail for another reason than its rejects.
    """
    started = time.perf_counter()
    safe = SafeProgress(progress)
    safe.begin("reading", source.size, "bytes")
    identity = identify(plan, source, None, lambda read: safe.advance(0, 0, read))
    lenient = replace(plan, max_rejects=Threshold(percent=100))

    def tried(session: Session, as_text: frozenset[str], *, staged: bool) -> Rehearsal:
        if not again and (earlier := session.earlier(identity, plan)) is not None:
            return Rehearsal(session.checked(plan, earlier, enforce=False), (), None)
        left = source if again else without_loaded(plan, source, session)
        if left is not source and not left.files:
            return Rehearsal(CopyResult(id=identity, already=True), (), None)
        one = Attempt(lenient, left, identity, as_text, safe, staged, rehearsed=True)
        result = one.run(session, started)
        return Rehearsal(result, session.examples(), one.created)

    def once(as_text: frozenset[str], staged: bool) -> Rehearsal:
        try:
            with target.begin() as session:
                _roll_back(tried(session, as_text, staged=staged))
        except _RolledBack as end:
            return end.rehearsal

    return attempt(once)
