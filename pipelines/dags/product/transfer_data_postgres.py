"""Database X to database Y: one table, copied from one Postgres server to the other, once.

Run it again as often as you like: rows are matched by the table's primary key, those that are there already stay as
they are, and nothing is copied twice. The last task compares both tables, on both servers.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

from penstock.airflow import CopyOperator

SOURCE, TARGET = "source:public.product", "target:public.product"

with DAG(
    "transfer_data_postgres",
    description="source:public.product -> target:public.product",
    doc_md=__doc__,
    schedule="@once",
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["product"],
):
    transfer_data = CopyOperator(
        task_id="transfer_data", source=SOURCE, target=TARGET, mode="merge", max_rejects=0
    )

    @task
    def compare_tables() -> dict[str, int]:
        """Fail if the target lacks a row of the source, or holds another."""
        import penstock

        found = penstock.diff(SOURCE, TARGET)
        if found.counts["missing"] or found.counts["changed"]:
            raise AirflowFailException(f"{TARGET} is not {SOURCE}: {found.counts}")
        return found.counts

    transfer_data >> compare_tables()
