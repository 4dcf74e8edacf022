"""What a route is asked to do: a plan whose addresses are parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from penstock.model.plan import CopyPlan
from penstock.ports import Progress


class Address(Protocol):
    """One end of a copy: an address of :mod:`penstock.model.address`, or another value that names its kind."""

    @property
    def kind(self) -> str:
        """Its part of a route's key in :data:`penstock.routes.ROUTES`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRequest:
    """One copy to be made.

    Args:
        plan: What to copy, and how.
        source: The plan's source, parsed.
        target: The plan's target, parsed.
        again: Copy even if the ledger says that the same copy was done before.
        progress: Receives progress updates.
    """

    plan: CopyPlan
    source: Address
    target: Address
    again: bool = False
    progress: Progress | None = None
