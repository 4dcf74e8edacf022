"""The high-water mark of a lake address: the greatest value of one member of its records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from penstock.model.api import Answers, ApiPlan, Since
from penstock.ports import ObjectStore
from penstock.rest.lake.landing_dir import read_json
from penstock.rest.lake.source import LakeSource


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
