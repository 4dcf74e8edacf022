"""A landing as an Airflow task: the answers of an API into the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context

import penstock
from penstock.airflow.account import account_lines, run_label
from penstock.airflow.assets import target_asset
from penstock.airflow.task_wrapper import in_airflow
from penstock.model.api import ApiPlan
from penstock.model.land_result import LandResult


class LandOperator(BaseOperator):
    """Ask an API, land its answers in the lake, log the account and return it.

    The task may be retried, cleared and run again: it asks for what is missing, rows that were added since included,
    and for nothing that has landed. The place in the lake is an asset, so other DAGs can be scheduled by it. Nothing
    is read or connected to before the task runs, and no template holds a secret: the key is looked up when the API is
    asked.

    Args:
        plan: As in :func:`penstock.land`: what a plan's file holds, or the path of such a file, from the DAG's
            directory on. Its texts are templates, those of a file included.
        target: ``lake:name``.
        rows: Make one request for each of these, in the place of the plan's own rows; may be what a task returned.
        values: For placeholders of the plan, beside those of the rows.
        landing_label: What the answers are for. By default the beginning of the data interval, or the run where it
            has none, so that each run lands its own answers and lands them once.
        again: Land anew, even what is finished.
        allow_empty: The API may have nothing: do not fail where no answer holds a record.

    Raises:
        AirflowFailException: When the task runs: the plan is none, the API refuses the key, or no answer holds a
            record. It is not retried: what has landed is not asked for again.
        PenstockError: When the task runs: answers are missing. What came has landed, and a retry asks for the rest.

    Example:
        LandOperator(task_id="fetch", plan="weather.yaml", target="lake:weather", rows=cities())
    """

    template_fields: ClassVar[Sequence[str]] = ("plan", "target", "rows", "values", "landing_label")
    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json", "rows": "json", "values": "json"}
    ui_color = "#d9efe3"

    def __init__(  # noqa: PLR0913  # an operator's words are its interface
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
        """Land, log the account and return it."""
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
