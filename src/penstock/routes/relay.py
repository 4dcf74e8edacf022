"""Copies from table to table, without loading what other copies need: Arrow and polars cost 0.3 s and 60 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.lookup.connections import find
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.postgres.relay.ends import ends

if TYPE_CHECKING:
    from penstock.ports import Progress


def run_between(
    plan: CopyPlan, *, again: bool = False, progress: Progress | None = None
) -> CopyResult | None:
    """Carry out a plan whose both ends are tables of Postgres servers; None where it is another plan.

    Raises:
        PenstockError: If nothing was done, with the reason and the remedy.
    """
    found = ends(plan)
    if found is None:
        return None
    from penstock.postgres.relay.copy import Ends, copy_table  # 50 ms, which all other copies do without

    origin, place = found
    tables = Ends(find(origin.connection), origin, find(place.connection), place)
    return copy_table(plan, tables, again=again, progress=progress)
