"""Daily operations: four views of the day (admissions, orders, best sellers, labor), made in parallel and then checked.

On this machine a month of generated data stands in for the park's systems: the variable `operations_data` names the
folder of its files. Where it is empty, as it is in production, the tables are filled by others and only read here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.common.sql.operators.sql import SQLCheckOperator, SQLExecuteQueryOperator
from airflow.sdk import DAG, TaskGroup, Variable, task

from penstock.airflow import CopyOperator

PROJECT = Path(__file__).resolve().parents[2]
CONNECTION = "postgres_daily_operational_conn"
VIEWS = ("admission_by_entrance", "items_to_order", "top_selling_items_by_location", "ytd_labor_metrics")

with DAG(
    "daily_operations_view_update",
    description="Four views of the day's operations, refreshed in parallel and checked",
    doc_md=__doc__,
    schedule="0 12 * * *",
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    end_date=datetime(2013, 2, 28, 12, tzinfo=UTC),
    catchup=True,
    # The views are of one day: two days at a time would check each other's.
    max_active_runs=1,
    tags=["operations"],
):
    create_operations = SQLExecuteQueryOperator(
        task_id="create_operations",
        conn_id=CONNECTION,
        sql="create_operations.sql",
        split_statements=True,
    )

    @task
    def write_operations() -> list[dict[str, str]]:
        """Make the month's files, the same each time, and say which of them belongs into which table."""
        folder = Variable.get("operations_data", default="")
        if not folder:
            return []
        from penstock_sandbox import operations

        files = operations.write_operations(PROJECT / folder)
        return [
            {"source": str(file), "target": f"{CONNECTION}:daily_operations.{table}"}
            for table, file in files.items()
        ]

    # A file that was copied before is recognised by its content: only the first day's run copies anything.
    load_operations = CopyOperator.partial(
        task_id="load_operations", mode="replace", map_index_template="{{ task.target.rpartition('.')[2] }}"
    ).expand_kwargs(write_operations())

    with TaskGroup("views") as views:
        for view in VIEWS:
            SQLExecuteQueryOperator(
                task_id=view,
                conn_id=CONNECTION,
                sql=f"{view}.sql",
                # Nothing was to be loaded where others fill the tables.
                trigger_rule="none_failed_min_one_success",
            )

    with TaskGroup("checks") as checks:
        for view in VIEWS:
            SQLCheckOperator(task_id=f"check_{view}", conn_id=CONNECTION, sql=f"checks/{view}.sql")

    create_operations >> load_operations >> views >> checks
    create_operations >> views
