"""The dashboard refresh: the operations tables to replicate. Does not import Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import penstock

PROJECT = Path(__file__).resolve().parents[1]
OPERATIONS = "postgres_daily_operational_conn"
BUCKET = "replication-bucket"


@dataclass(frozen=True, slots=True)
class Replicated:
    """A table of daily_operations that is replicated to the dashboard's warehouse.

    Args:
        day: The column that holds the day.
    """

    table: str
    day: str


TABLES = (
    Replicated("guest_attendance", "admission_date"),
    Replicated("inventory", "inventory_date"),
    Replicated("item_sales", "sales_date"),
    Replicated("labor", "labor_date"),
)


def prepare_operations() -> list[str]:
    """Generate a month of operations and load it, if the variable `operations_data` names a folder.

    `daily_operations_view_update` makes the same copies; the second caller finds them already done.

    Returns:
        The loaded tables.
    """
    folder = penstock.variable("operations_data")
    if not folder:
        return []
    from penstock_sandbox import operations

    with penstock.connect(OPERATIONS) as session, session.transaction():
        session.execute((PROJECT / "dags" / "operations" / "create_operations.sql").read_bytes())
    files = operations.write_operations(PROJECT / folder)
    for table, file in files.items():
        penstock.copy(
            str(file),
            f"{OPERATIONS}:daily_operations.{table}",
            mode="replace",
            pipeline="daily_operations_view_update",
            task="load_operations",
        )
    return list(files)
