"""An Airflow task that lands the answers of an API in the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context

import penstock
from penstock.airflow.account import account_lines, run_label
from penstock.airflow.lineage import target_asset
from penstock.airflow.task_wrapper import in_airflow
from penstock.model.api import ApiPlan
from penstock.model.result import LandResult


class LandOperator(BaseOperator):
    """Request an API, land its answers in the lake, and log and return the account.

    The task is idempotent: when it is retried or cleared, it requests only what is missing, including rows that were
    added since. The lake address is an asset, so it can schedule other DAGs. The operator reads nothing and connects to
    nothing before the task runs. Templates hold no secrets: the key is looked up when the API is called.

    Args:
        plan: The contents of a plan file, or the path of one, relative to the DAG file's directory; see
            :func:`penstock.land`. All strings are templates, also those in a file.
        target: ``lake:name``.
        rows: Make one request for each of these rows instead of the plan's own; may be the result of a task.
        values: Additional values for the placeholders of the plan.
        landing_label: Label of the landing. By default the start of the data interval, or the run id if the run has
            no interval, so that each run lands its own answers once.
        again: Land everything again, even if the landing is finished.
        allow_empty: Do not fail if no answer holds a record.

    Raises:
        AirflowFailException: When the task runs: the plan is invalid, the API refuses the key, or no answer holds a
            record. The task is not retried, because a retry would not help.
        PenstockError: When the task runs: answers are missing. Received answers have landed; a retry requests the rest.

    Example:
        LandOperator(task_id="fetch", plan="weather.yaml", target="lake:weather", rows=cities())
    """

    template_fields: ClassVar[Sequence[str]] = ("plan", "target", "rows", "values", "landing_label")
    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json", "rows": "json", "values": "json"}
    ui_color = "#d9efe3"

    def __init__(  # noqa: PLR0913  # the parameters are the operator's interface
        self,
        *,
        plan: Mapping[str, Any] | ApiPlan | str,
        target: str,
        rows: Any = None,
        values: Mapping[str, Any] | None = None,
        landing_label: str | None = None,
        again: bool = False,
        allow_empty: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.target = target
        self.rows = rows
        self.values = values
        self.landing_label = landing_label
        self.again = again
        self.allow_empty = allow_empty
        asset = target_asset(target)
        if asset is not None and asset not in self.outlets:
            self.outlets.append(asset)

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the landing; log and return its account."""
        result = in_airflow(self._land)(context)
        self._tell(account_lines(result))
        return result.to_dict()

    def _land(self, context: Context) -> LandResult:
        try:
            return penstock.land(
                self._plan(context),
                self.target,
                rows=self.rows,
                values=self.values,
                label=self.landing_label or run_label(context),
                again=self.again,
                allow_empty=self.allow_empty,
            )
        except penstock.NothingLanded as nothing:
            self._tell(account_lines(nothing.result))
            raise

    def _tell(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.log.info("%s", line)

    def _plan(self, context: Context) -> ApiPlan | Mapping[str, Any]:
        if not isinstance(self.plan, str):
            return self.plan
        from penstock.rest.landing import load_plan

        path = Path(self.dag.folder, self.plan)
        return load_plan(path, lambda text: str(self.render_template(text, context)))
