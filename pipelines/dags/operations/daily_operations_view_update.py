"""Daily operations: create four views of the day (admissions, orders, best sellers, labor) in parallel and check them.

The tables are checked before the views: each must have as many rows as its file, and about as many rows of the day as
of other days (`operations_min_volume`), so that an emptied table fails the run.

On this machine, a month of generated data replaces the park's systems; the variable `operations_data` names the folder
of its files. If the variable is empty, as in production, other systems fill the tables and this DAG only reads them.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.common.sql.operators.sql import SQLCheckOperator, SQLExecuteQueryOperator
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import DAG, TaskGroup, Variable, task
from airflow.sdk.exceptions import AirflowFailException

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
    # Each view covers one day, so concurrent runs would check each other's views.
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
        """Generate the month's files, always the same, and return the source and target of each copy."""
        folder = Variable.get("operations_data", default="")
        if not folder:
            return []
        from penstock_sandbox import operations

        files = operations.write_operations(PROJECT / folder)
        return [
            {"source": str(file), "target": f"{CONNECTION}:daily_operations.{table}"}
            for table, file in files.items()
        ]

    # Penstock recognizes a file that it has copied by its content, so only the first run copies anything.
    files = write_operations()
    load_operations = CopyOperator.partial(
        task_id="load_operations", mode="replace", map_index_template="{{ task.target.rpartition('.')[2] }}"
    ).expand_kwargs(files)

    @task
    def check_source(files: list[dict[str, str]]) -> dict[str, int]:
        """Fail if a table does not have as many rows as its file; return the numbers of rows."""
        hook, rows = PostgresHook(CONNECTION), {}
        for file in files:
            with Path(file["source"]).open(encoding="utf-8", newline="") as lines:
                expected = sum(1 for _ in csv.reader(lines)) - 1
            table = file["target"].partition(":")[2]
            (rows[table],) = hook.get_first(f"select count(*) from {table}")
            if rows[table] != expected:
                raise AirflowFailException(f"{table} has {rows[table]} rows, {file['source']} has {expected}")
        return rows

    check_volume = SQLCheckOperator(
        task_id="check_volume",
        conn_id=CONNECTION,
        sql="checks/volume.sql",
        trigger_rule="none_failed_min_one_success",  # as for the views
    )

    with TaskGroup("views") as views:
        for view in VIEWS:
            SQLExecuteQueryOperator(
                task_id=view,
                conn_id=CONNECTION,
                sql=f"{view}.sql",
                # load_operations is skipped if other systems fill the tables.
                trigger_rule="none_failed_min_one_success",
            )

    with TaskGroup("checks") as checks:
        for view in VIEWS:
            SQLCheckOperator(task_id=f"check_{view}", conn_id=CONNECTION, sql=f"checks/{view}.sql")

    checked = check_source(files)
    create_operations >> load_operations >> checked >> check_volume >> views >> checks
    create_operations >> check_volume
    create_operations >> views
