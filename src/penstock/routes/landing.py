"""Landings: answers of an API, into the lake."""

from __future__ import annotations

from typing import cast

from stamina.instrumentation import set_on_retry_hooks

from penstock.model.address import Api, PlanFile
from penstock.model.api import ApiPlan
from penstock.model.result import CopyResult
from penstock.rest.landing import Wish, land, load_plan
from penstock.routes.request import CopyRequest


def land_api(request: CopyRequest) -> CopyResult:
    """Make the requests of a plan file or an API address whose answers are not in the lake.

    Returns:
        A :class:`~penstock.model.result.LandResult`.

    Raises:
        PenstockError: If answers are missing in the end; the next run requests what is missing.
    """
    # With structlog installed, retries would be logged to standard output, which is for the account.
    set_on_retry_hooks([])
    plan = request.plan
    source = cast("Api | PlanFile", request.source)
    api = ApiPlan(source=plan.source) if isinstance(source, Api) else load_plan(source.path)
    wish = Wish(
        target=plan.target,
        label=plan.label,
        values=dict(plan.values),
        again=request.again,
        allow_empty=plan.allow_empty,
    )
    return land(api, wish, request.progress)
