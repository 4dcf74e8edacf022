"""Penstock: a data warehouse in one command, and one verb, ``copy``, that accounts for every row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.errors import PenstockError
from penstock.model.options import CopyOptions, make_plan
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult

if TYPE_CHECKING:
    from typing import Unpack

    from penstock.ports import Progress

__all__ = ["CopyOptions", "CopyPlan", "CopyResult", "PenstockError", "copy", "make_plan", "run"]


def copy(source: str, target: str, *, again: bool = False, **options: Unpack[CopyOptions]) -> CopyResult:
    """Copy a file into a table, and account for every row.

    Args:
        source: A path, a glob, or ``-`` for standard input.
        target: ``connection:schema.table``; the table is made from the whole input where it does not exist.
        again: Copy even if the ledger says that the same copy was done before.
        options: See :class:`penstock.CopyOptions`.

    Raises:
        PenstockError: If nothing was done, with the reason and the remedy.

    Example:
        >>> import penstock
        >>> penstock.copy("sales.csv", "warehouse:raw.sales", key="sale_id").loaded  # doctest: +SKIP
        100000
    """
    return run(make_plan(source, target, **options), again=again)


def run(plan: CopyPlan, *, again: bool = False, progress: Progress | None = None) -> CopyResult:
    """Carry out a plan: all of it, or nothing.

    Raises:
        PenstockError: If nothing was done, with the reason and the remedy.
    """
    # Imported here, so that a plan can be made, and `penstock --help` shown, without Arrow and a database driver.
    from penstock.wiring import run as run_plan

    return run_plan(plan, again=again, progress=progress)
