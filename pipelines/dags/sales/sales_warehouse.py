"""The sales warehouse: load a dirty file into a tested star schema, and account for every row."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG, Param

from penstock.airflow import CopyOperator, dbt_task_group

PROJECT = Path(__file__).resolve().parents[2]

with DAG(
    "sales_warehouse",
    description="Sales file -> raw.sales -> star schema",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["sales"],
    params={
        "file": Param(
            "include/data/sales-2013-02.csv",
            type="string",
            description="Path of the file, relative to the project",
        ),
        # A plain string parameter would be mandatory in Airflow's trigger form.
        "day": Param(
            None, type=["null", "string"], description="Copy only the sales of this day, such as 2013-02-24"
        ),
    },
):
    create_raw_sales = SQLExecuteQueryOperator(
        task_id="create_raw_sales",
        conn_id="warehouse",
        sql="create_raw_sales.sql",
        split_statements=True,
    )
    copy_sales = CopyOperator(
        task_id="copy_sales",
        source=f"{PROJECT}/{{{{ params.file }}}}",
        target="warehouse:raw.sales",
        mode="merge",
        key="sale_id",
        order_by="date",
        null_values=["", "None"],
        filter_column="{{ 'Date' if params.day else '' }}",
        filter_value="{{ params.day or '' }}",
    )
    dbt = dbt_task_group(
        "dbt",
        PROJECT / "dbt",
        manifest=PROJECT / ".penstock" / "dbt" / "target" / "manifest.json",
        profile="penstock",
        target="warehouse",
    )
    create_raw_sales >> copy_sales >> dbt
