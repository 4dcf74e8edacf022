"""Database X to database Y: copy one table from one Postgres server to another.

You can run it repeatedly: rows are matched by the table's primary key, rows that already exist stay as they are, and
nothing is copied twice. The last task compares the two tables.
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
        """Fail if the rows of the target differ from those of the source."""
        import penstock

        found = penstock.diff(SOURCE, TARGET)
        if found.counts["missing"] or found.counts["changed"]:
            raise AirflowFailException(f"{TARGET} differs from {SOURCE}: {found.counts}")
        return found.counts

    transfer_data >> compare_tables()
