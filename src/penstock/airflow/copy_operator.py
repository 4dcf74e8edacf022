"""A copy as an Airflow task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from penstock import run
from penstock.airflow.account import account_lines, run_label
from penstock.airflow.assets import target_asset
from penstock.airflow.connections import as_airflow
from penstock.model.address import Lake, parse
from penstock.model.errors import (
    ContractError,
    NothingDone,
    NothingLanded,
    NothingLoaded,
    Refused,
    TooManyRejects,
    UsageError,
)
from penstock.model.options import CopyOptions, make_plan
from penstock.model.outcome import remark
from penstock.model.result import CopyResult

OPTIONS = frozenset(CopyOptions.__annotations__)

# Trying again gives the same: the task fails at once, whatever its retries.
HOPELESS = (UsageError, ContractError, TooManyRejects, NothingDone, Refused)


class CopyOperator(BaseOperator):
    """Copy ``source`` to ``target``, log the account of every row and return it.

    The task may be retried, cleared and run again: a copy recognised as already done changes nothing. All texts are
    templates, and one that renders to nothing means that the option is not given. The target is an asset, so other
    DAGs can be scheduled by it. Nothing is read or connected to before the task runs.

    Args:
        source: A path, a glob or an address, as in :class:`~penstock.model.plan.CopyPlan`.
        target: ``connection:schema.table``, or the address of objects.
        again: Copy even what was copied before.
        **kwargs: The words of :class:`~penstock.model.options.CopyOptions`, and those that every operator has. The
            pipeline is the DAG and the task this task, unless they say otherwise.

    Raises:
        AirflowFailException: When the task runs: the words mean no plan, source and target do not fit, or too many
            rows were rejected, or all of them. It is not retried: the same file would be rejected again.
        PenstockError: When the task runs: the copy failed otherwise, and nothing was published.

    Example:
        CopyOperator(task_id="copy", source="sales.csv", target="warehouse:raw.sales", mode="merge", key="sale_id")
    """

    template_fields: ClassVar[Sequence[str]] = ("source", "target", "options")
    ui_color = "#d3e8f0"

    def __init__(self, *, source: str, target: str, again: bool = False, **kwargs: Any) -> None:
        options = {name: kwargs.pop(name) for name in OPTIONS & kwargs.keys()}
        super().__init__(**kwargs)
        self.source = source
        self.target = target
        self.again = again
        self.options = options
        self.result: CopyResult | None = None
        for asset, assets in ((target_asset(source), self.inlets), (target_asset(target), self.outlets)):
            if asset is not None and asset not in assets:
                assets.append(asset)

    def execute(self, context: Context) -> dict[str, Any]:
        """Copy, log the account and return it."""
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
        return result.to_dict()

    def _tell(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.log.info("%s", line)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002 the provider calls it so
        """What was read and written, with the rows, for Airflow's OpenLineage provider."""
        from penstock.airflow.lineage import lineage_of

        return lineage_of(self.source, self.target, self.result)


# Airflow checks what is mapped over (`.partial(...).expand(filter_value=[...])`) against the parameters it has found
# in the signature, where options do not stand one by one.
CopyOperator.__init__._BaseOperatorMeta__param_names |= OPTIONS  # type: ignore[attr-defined]  # noqa: SLF001


def _is_blank(name: str, value: object) -> bool:
    """Whether a template rendered to nothing. An empty quote or header says something, unlike an empty name."""
    return value == "" and name not in ("quote", "header")
