"""Checks the parameters of a run before it begins."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from penstock.environments.errors import suggestion
from penstock.model.errors import UsageError


def require_parameters(dag: Any, given: Mapping[str, Any]) -> None:
    """Check the DAG's parameters, with those of the run, by their schemas.

    Args:
        dag: The DAG, as its file defines it.
        given: The parameters of the run.

    Raises:
        UsageError: One is invalid or missing.
    """
    from airflow.sdk.exceptions import ParamValidationError

    for name in dag.params:
        param = copy.copy(dag.params.get_param(name))
        value = {"value": given[name]} if name in given else {}
        try:
            param.resolve(**value)
        except (ParamValidationError, ValueError, TypeError) as error:
            wrong = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            shown = f" {json.dumps(given[name])}" if name in given else ""
            raise UsageError(
                f"{dag.dag_id}: invalid parameter {name}{shown}: {wrong}",
                hint=f"give it as --conf '{{\"{name}\": ...}}'{_expected(param)}",
            ) from None


def unknown_parameters(dag: Any, given: Mapping[str, Any]) -> list[str]:
    """Return notes about parameters of the run that neither the DAG nor one of its tasks declares.

    A DAG that declares none may read what it likes.
    """
    known = {*dag.params, *(name for task in dag.tasks for name in task.params)}
    if not known:
        return []
    return [
        f"{dag.dag_id} declares no parameter {name!r} ({suggestion(name, known)})"
        for name in given
        if name not in known
    ]


def _expected(param: Any) -> str:
    rules = {name: rule for name, rule in param.schema.items() if name not in ("title", "description")}
    return f"; its schema is {json.dumps(rules)}" if rules else ""
