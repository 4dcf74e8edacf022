"""What makes two copies the same: one rule for every route."""

from __future__ import annotations

from dataclasses import replace

import xxhash

from penstock.model.plan import CopyPlan

# What says nothing of the rows, by its value: wherever the content lies, and however many rejects it may have.
_NEUTRAL = {"source": "", "max_rejects": None, "pipeline": None, "task": None}


def identity_of(plan: CopyPlan, *content: str, without: tuple[str, ...] = ("source", "max_rejects")) -> str:
    """The identity of a copy: a hash of its plan and of the content that it copies. The ledger knows a copy by it.

    Ledgers keep identities for years, so the hashed text never changes: a field that is added to plans is left out of
    their JSON where it is not set.

    Args:
        content: What identifies the content, such as a file's fingerprint.
        without: Fields of the plan that make no other copy of it.

    Example:
        >>> plan = CopyPlan(source="sales.csv", target="warehouse:sales")
        >>> identity_of(plan, "f00") == identity_of(CopyPlan(source="moved.csv", target="warehouse:sales"), "f00")
        True
    """
    # An option that was detected makes the same copy as one that was given.
    file = replace(plan.file, fixed=(), detected=(), renamed=())
    core = replace(plan, file=file, **{name: _NEUTRAL[name] for name in without})  # type: ignore[arg-type]
    return xxhash.xxh3_128_hexdigest("\n".join([core.to_json(), *content]).encode())
