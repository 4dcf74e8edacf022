"""A copy as an Airflow task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, cast

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from penstock import run
from penstock.airflow.account import account_lines, run_label
from penstock.airflow.connections import as_airflow
from penstock.airflow.lineage import target_asset
from penstock.airflow.notifier import Notifier
from penstock.model.address import Lake, parse
from penstock.model.copy_files import CopyFile, DagFields, read_copy
from penstock.model.errors import (
    ContractError,
    NothingDone,
    PenstockError,
    Refused,
    TooManyRejects,
    UsageError,
)
from penstock.model.options import CopyOptions, make_plan
from penstock.model.outcome import NothingLanded, NothingLoaded, remark
from penstock.model.result import CopyResult
from penstock.project import find_project

OPTIONS = frozenset(CopyOptions.__annotations__)

# These errors would recur, so the task fails at once, whatever its retries.
HOPELESS = (UsageError, ContractError, TooManyRejects, NothingDone, Refused)


class CopyOperator(BaseOperator):
    """Copy ``source`` to ``target``, and log and return the account of every row.

    The task is idempotent: a copy that was already done changes nothing, so you can retry and clear the task. All
    string arguments are templates; if one renders to an empty string, its option is not set. The target is an asset,
    so it can schedule other DAGs. Before the task runs, the operator connects to nothing, and reads only ``copy_file``.

    Args:
        source: A path, a glob or an address; see :class:`~penstock.model.plan.CopyPlan`.
        target: ``connection:schema.table``, or an address of objects.
        copy_file: A YAML or TOML file with source, target and options, relative to the project, as are the paths in it.
            Arguments override what it says.
        again: Repeat the copy even if it was done before.
        **kwargs: Options of :class:`~penstock.model.options.CopyOptions`, and arguments of ``BaseOperator``. By
            default, ``pipeline`` is the DAG's id and ``task`` the task's id. Failed ``checks`` that only warn are sent
            to the connection ``alerts``, as :class:`~penstock.airflow.notifier.Notifier` does.

    Raises:
        AirflowFailException: When the task runs: the options are invalid, source and target do not match, or too many
            rows (or all rows) were rejected. The task is not retried, because the same file would be rejected again.
        PenstockError: When the task runs: the copy failed for another reason, such as a check, and published nothing.
            The task is retried.

    Example:
        CopyOperator(task_id="copy", source="sales.csv", target="warehouse:raw.sales", mode="merge", key="sale_id")
    """

    template_fields: ClassVar[Sequence[str]] = ("source", "target", "options")
    ui_color = "#d3e8f0"

    def __init__(
        self,
        *,
        source: str = "",
        target: str = "",
        copy_file: str | None = None,
        again: bool = False,
        **kwargs: Any,
    ) -> None:
        options = {name: kwargs.pop(name) for name in OPTIONS & kwargs.keys()}
        super().__init__(**kwargs)
        if copy_file is not None:
            found = _of_task(copy_file)
            source, target, options = (
                source or found.source,
                target or found.target,
                {**found.options, **options},
            )
        if not (source and target):
            raise TypeError("CopyOperator needs source and target, or copy_file")
        self.source = source
        self.target = target
        self.again = again
        self.options = options
        self.result: CopyResult | None = None
        for asset, assets in ((target_asset(source), self.inlets), (target_asset(target), self.outlets)):
            if asset is not None and asset not in assets:
                assets.append(asset)

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the copy; log and return its account."""
        given: dict[str, Any] = {"pipeline": self.dag_id, "task": self.task_id}
        given |= {name: value for name, value in self.options.items() if not _is_blank(name, value)}
        if isinstance(parse(self.target, local_files=False), Lake):
            given.setdefault("label", run_label(context))
        try:
            with as_airflow():
                plan = make_plan(self.source, self.target, **given)
                result = run(plan, again=self.again)
        except HOPELESS as error:
            if isinstance(error, NothingLoaded | NothingLanded):
                self._tell(account_lines(error.result))
            raise AirflowFailException(
                f"{error.message}; {error.hint}" if error.hint else error.message
            ) from error
        self.result = result
        said = remark(plan, result)
        self._tell([*account_lines(result), *([said] if said else [])])
        self._warn([f"{self.target}: {check}" for check in result.checks if not check.passed])
        return result.to_dict()

    def _warn(self, problems: Sequence[str]) -> None:
        """Send the failed checks that only warn to the connection ``alerts``; the copy is done, and stays so."""
        for problem in problems:
            self.log.warning("%s", problem)
        if problems:
            try:
                Notifier("\n".join(problems), f"{self.dag_id}: a check failed").notify({})
            except PenstockError as error:
                self.log.warning("cannot send the warning: %s", error.message)

    def _tell(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.log.info("%s", line)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002 the provider calls it so
        """Return the datasets and row counts for Airflow's OpenLineage provider."""
        from penstock.airflow.lineage import lineage_of

        return lineage_of(self.source, self.target, self.result)


# For mapped tasks (`.partial(...).expand(filter_value=[...])`), Airflow accepts only parameters of the signature, which
# does not list the options.
CopyOperator.__init__._BaseOperatorMeta__param_names |= OPTIONS  # type: ignore[attr-defined]  # noqa: SLF001


def _of_task(copy_file: str) -> CopyFile:
    """The copy of a file, owned by the DAG that uses it.

    Raises:
        UsageError: If the file is invalid, or holds fields of a DAG.
    """
    root = find_project().root
    found = read_copy(root / copy_file).within(root)
    plain = DagFields()
    fields_of_dag = [field.name for field in fields(DagFields)]
    if found.dag != plain:
        raise found.error(
            "schedule, retries and other fields of a DAG do not apply to copy_file",
            "give them to the DAG and the operator",
            next(name for name in fields_of_dag if getattr(found.dag, name) != getattr(plain, name)),
        )
    own = {name: value for name, value in found.options.items() if name not in ("pipeline", "task")}
    return replace(found, options=cast("CopyOptions", own))


def _is_blank(name: str, value: object) -> bool:
    """Whether an option counts as not set. An empty quote or header has a meaning; an empty name does not."""
    return value == "" and name not in ("quote", "header")
