"""Loads API plans from files, mappings or objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from penstock.model.api import ApiPlan
from penstock.model.plan_files import read_document


def load_plan(path: str | Path, render: Callable[[str], str] | None = None) -> ApiPlan:
    """Load a plan from a YAML or TOML file. The path of its row file is relative to the plan file.

    Args:
        render: Renders the text of the file, such as a template.

    Raises:
        UsageError: The file is not a valid plan.
    """
    path = Path(path)
    plan = ApiPlan.parse(read_document(path, render))
    if plan.each.file is None:
        return plan
    return replace(plan, each=replace(plan.each, file=str(path.parent / plan.each.file)))


def as_plan(plan: ApiPlan | Mapping[str, Any] | Path | str) -> ApiPlan:
    """Return the plan: unchanged, from a file, or from a mapping of its fields.

    Raises:
        UsageError: The plan is invalid.
    """
    if isinstance(plan, ApiPlan):
        return plan
    return ApiPlan.parse(plan) if isinstance(plan, Mapping) else load_plan(plan)
