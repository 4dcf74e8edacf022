"""Plans of APIs, wherever they are written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from penstock.model.api import ApiPlan
from penstock.model.plan_files import read_document


def load_plan(path: str | Path, render: Callable[[str], str] | None = None) -> ApiPlan:
    """The plan that a YAML or TOML file describes; a file of rows is looked for beside it.

    Args:
        render: Makes of the file's text the text that counts.

    Raises:
        UsageError: If it describes none.
    """
    path = Path(path)
    plan = ApiPlan.parse(read_document(path, render))
    if plan.each.file is None:
        return plan
    return replace(plan, each=replace(plan.each, file=str(path.parent / plan.each.file)))


def as_plan(plan: ApiPlan | Mapping[str, Any] | Path | str) -> ApiPlan:
    """The plan itself, that of a file, or the one that these fields describe.

    Raises:
        UsageError: If they describe none.
    """
    if isinstance(plan, ApiPlan):
        return plan
    return ApiPlan.parse(plan) if isinstance(plan, Mapping) else load_plan(plan)
