"""The identity of copies: one rule for every route."""

from __future__ import annotations

from dataclasses import replace

import xxhash

from penstock.model.plan import CopyPlan

# Fields that do not affect the rows: the path of the source, and the threshold of rejects.
_NEUTRAL = {"source": "", "max_rejects": None, "pipeline": None, "task": None}


def identity_of(plan: CopyPlan, *content: str, without: tuple[str, ...] = ("source", "max_rejects")) -> str:
    """The identity of a copy: a hash of its plan and content, by which the ledger recognizes it.

    Ledgers keep identities for years, so the hashed text never changes: a field that is added to plans is left out of
    their JSON if it is not set.

    Args:
        content: What identifies the content, such as a file's fingerprint.
        without: Fields of the plan that are not part of the identity.

    Example:
        >>> plan = CopyPlan(source="sales.csv", target="warehouse:sales")
        >>> identity_of(plan, "f00") == identity_of(CopyPlan(source="moved.csv", target="warehouse:sales"), "f00")
        True
    """
    # An option that was detected makes the same copy as one that was given; checks do not change what is copied.
    file = replace(plan.file, fixed=(), detected=(), renamed=())
    core = replace(plan, file=file, checks=(), **{name: _NEUTRAL[name] for name in without})  # type: ignore[arg-type]
    return xxhash.xxh3_128_hexdigest("\n".join([core.to_json(), *content]).encode())
