"""The request to a route: a plan with parsed addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from penstock.model.plan import CopyPlan
from penstock.ports import Progress


class Address(Protocol):
    """The source or target of a copy: an address of :mod:`penstock.model.address`, or another value with a kind."""

    @property
    def kind(self) -> str:
        """The kind, as in the keys of :data:`penstock.routes.ROUTES`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRequest:
    """One copy to make.

    Args:
        plan: What to copy, and how.
        source: The plan's source, parsed.
        target: The plan's target, parsed.
        again: Copy even if the ledger holds the same copy.
        progress: Receives progress updates.
    """

    plan: CopyPlan
    source: Address
    target: Address
    again: bool = False
    progress: Progress | None = None
