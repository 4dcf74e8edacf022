"""Copy a file into the warehouse, account for every row, and check the table."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.common.sql.operators.sql import SQLCheckOperator
from airflow.sdk import DAG, Variable, task

from penstock.airflow import CopyOperator

PROJECT = Path(__file__).resolve().parents[1]

with DAG(
    "hello",
    description="include/greetings.csv -> raw.greetings",
    doc_md=__doc__,
    schedule="@daily",
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["example"],
):

    @task
    def greet() -> str:
        """Return the variable `greeting` of the environment."""
        return f"{Variable.get('greeting')}, warehouse"

    copy = CopyOperator(
        task_id="copy",
        source=f"{PROJECT}/include/greetings.csv",
        target="warehouse:raw.greetings",
        mode="merge",
        key="id",
        pool="warehouse",
    )
    check = SQLCheckOperator(
        task_id="check", conn_id="warehouse", sql="select count(*) > 0 from raw.greetings"
    )
    greet() >> copy >> check
