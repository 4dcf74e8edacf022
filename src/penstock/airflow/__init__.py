"""Penstock inside Airflow: operators, tasks, assets, and dbt projects as task groups.

Import from here in DAG files: ``from penstock.airflow import CopyOperator``. No other package of Penstock imports
Airflow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.airflow.copy_operator import CopyOperator
    from penstock.airflow.dag_factory import copy_dags
    from penstock.airflow.dbt.task_group import dbt_task_group
    from penstock.airflow.land_operator import LandOperator
    from penstock.airflow.lineage import target_asset
    from penstock.airflow.notifier import Notifier, NotifyOperator
    from penstock.airflow.task_wrapper import in_airflow
    from penstock.airflow.transfers import MoveObjectsOperator, PostgresToS3Operator, S3ToSnowflakeOperator

__all__ = [
    "CopyOperator",
    "LandOperator",
    "MoveObjectsOperator",
    "Notifier",
    "NotifyOperator",
    "PostgresToS3Operator",
    "S3ToSnowflakeOperator",
    "copy_dags",
    "dbt_task_group",
    "in_airflow",
    "target_asset",
]

# Imported on first use: Airflow loads the secrets backend, which is in this package, at every start.
_MODULES = {
    "CopyOperator": "copy_operator",
    "LandOperator": "land_operator",
    "MoveObjectsOperator": "transfers",
    "Notifier": "notifier",
    "NotifyOperator": "notifier",
    "PostgresToS3Operator": "transfers",
    "S3ToSnowflakeOperator": "transfers",
    "copy_dags": "dag_factory",
    "dbt_task_group": "dbt.task_group",
    "in_airflow": "task_wrapper",
    "target_asset": "lineage",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
