"""Handles copies that loaded nothing: a remark, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from penstock.model.address import Lake, Table, parse
from penstock.model.errors import NothingDone, PenstockError, TooManyRejects
from penstock.model.plan import CopyPlan
from penstock.model.plurals import counted
from penstock.model.result import CopyResult, LandResult

_LEDGER = "warehouse"  # the default connection of `penstock rejects`


class NothingLoaded(NothingDone):
    """Every row of a copy was rejected. The copy is committed: its account and its rejects are kept.

    Args:
        result: The account.
        tables: The account of each table, if a schema was copied; ``result`` is then their total.

    Not run by the tests: the file is missing.

    Example:
        >>> try:  # doctest: +SKIP
        ...     penstock.copy("sales.csv", "warehouse:raw.sales")
        ... except NothingLoaded as nothing:
        ...     print(nothing.result.rejects)
        {'bad_type': 3}
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        result: CopyResult,
        tables: Mapping[str, CopyResult] | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.result = result
        self.tables = tables or {}


class TablesFailed(PenstockError):
    """Some tables of a schema were not copied, and the copy kept going. The others are committed.

    Args:
        result: The total of the tables that were copied.
        tables: The account of each of them.
        failed: The error of each other table. Tables that foreign keys link fail together.
    """

    def __init__(
        self, result: CopyResult, tables: Mapping[str, CopyResult], failed: Mapping[str, PenstockError]
    ) -> None:
        count = len(failed) + len(tables)
        super().__init__(
            f"{len(failed)} of {counted(count, 'table')} not copied: {', '.join(failed)}",
            hint="fix the causes and run the same command again; copied tables are not copied twice",
        )
        self.result = result
        self.tables = tables
        self.failed = failed


class NothingLanded(NothingDone):
    """No answer of a landing holds a record, or the plan has no rows. All answers are kept.

    Args:
        result: The account.
    """

    def __init__(self, message: str, hint: str | None = None, *, result: LandResult) -> None:
        super().__init__(message, hint)
        self.result = result


def remark(plan: CopyPlan, result: CopyResult) -> str | None:
    """Why a copy loaded nothing, in words; None if it loaded something, or needs no comment.

    Example:
        >>> remark(CopyPlan(source="sales.csv", target="warehouse:sales"), CopyResult(id="1"))
        'the source has no rows'
    """
    if isinstance(result, LandResult):
        return result.remark()
    if result.all_rejected:
        return f"every row was rejected ({result.rejected:,} of {result.read:,})"
    if result.read:
        return None
    if result.filtered and plan.delete_flag is not None:
        return None  # rows of the target were deleted
    if result.filtered:
        return "the filter matches no row of the source"
    if plan.cursor is not None or (result.already and isinstance(parse(plan.source), Lake)):
        return "the source has nothing new since the last copy"
    return "the source has no rows"


def ledger_of(plan: CopyPlan) -> str:
    """The connection whose ledger holds a copy and its rejects."""
    target = parse(plan.target)
    # A load into Snowflake is kept in the ledger of its export, which the plan does not name.
    return target.connection if isinstance(target, Table) and plan.stage is None else _LEDGER


def rejects_command(result: CopyResult, connection: str) -> str:
    """The command that shows a copy's rejects.

    Args:
        connection: The ledger's connection.

    Example:
        >>> rejects_command(CopyResult(id="d661f3d6877f4d"), "shop")
        'penstock rejects show d661f3d6877f -c shop'
    """
    where = "" if connection == _LEDGER else f" -c {connection}"
    return f"penstock rejects show {result.id[:12]}{where}"


def require_loaded(plan: CopyPlan, result: CopyResult) -> CopyResult:
    """The account, unless every row was rejected and the plan does not allow that.

    Raises:
        NothingLoaded: With the account.
    """
    if not result.all_rejected or _may_load_nothing(plan):
        return result
    before = "; it was copied before, and none of its rejects were loaded since" if result.already else ""
    raise NothingLoaded(
        f"{remark(plan, result)}: nothing was loaded into {plan.target}{before}",
        hint=f"{rejects_command(result, ledger_of(plan))} shows why; --max-rejects 100% accepts it",
        result=result,
    )


def enforce_limits(plan: CopyPlan, result: CopyResult, examples: Iterable[str]) -> None:
    """Stop a copy before it commits: too many rejects, or every row rejected where old rows would be deleted.

    Args:
        examples: A line each on a few of the rejects.

    Raises:
        TooManyRejects: With the examples.
    """
    if plan.max_rejects is not None:
        plan.max_rejects.enforce(rejected=result.rejected, read=result.read, examples=examples)
    if result.all_rejected and result.deleted and not _may_load_nothing(plan):
        shown = "".join(f"\n  {example}" for example in examples)
        raise TooManyRejects(
            f"{remark(plan, result)}: {plan.target} keeps the {counted(result.deleted, 'row')} that "
            f"{plan.mode} would delete; nothing was changed{shown}",
            hint="fix the source; --max-rejects 100% deletes them all the same",
        )


def require_all_loaded(plan: CopyPlan, tables: Mapping[str, CopyResult], total: CopyResult) -> None:
    """Raise an error if every row of any table was rejected, unless the plan allows that.

    Args:
        tables: The account of each.
        total: The sum of all accounts.

    Raises:
        NothingLoaded: With the accounts; the message names the tables.
    """
    bare = [name for name, result in tables.items() if result.all_rejected]
    if not bare or _may_load_nothing(plan):
        return
    shown = rejects_command(tables[bare[0]], plan.target.partition(":")[0])
    raise NothingLoaded(
        f"every row of {counted(len(bare), 'table')} was rejected: {', '.join(bare)}",
        hint=f"{shown} shows why; --max-rejects 100% accepts it",
        result=total,
        tables=tables,
    )


def _may_load_nothing(plan: CopyPlan) -> bool:
    return plan.max_rejects is not None and plan.max_rejects.allows_all
