"""Database X to database Y: copy one table from one Postgres server to another.

You can run it repeatedly: rows are matched by the table's primary key, rows that already exist stay as they are, and
nothing is copied twice. The last task compares the two tables. The parameter `extra_rows` decides about rows that the
source no longer has.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, task
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
    params={
        "extra_rows": Param(
            "fail",
            enum=["fail", "keep", "delete"],
            description="Rows of the target that the source does not have: fail, keep them, or delete them",
        )
    },
):
    transfer_data = CopyOperator(
        task_id="transfer_data",
        source=SOURCE,
        target=TARGET,
        mode="{{ 'mirror' if params.extra_rows == 'delete' else 'merge' }}",
        max_rejects=0,
    )

    @task
    def compare_tables(params: dict[str, object] | None = None) -> dict[str, int]:
        """Fail if the rows of the target differ from those of the source."""
        import penstock

        counts = penstock.diff(SOURCE, TARGET).counts
        kept = ("extra",) if (params or {}).get("extra_rows") == "keep" else ()
        if any(number for kind, number in counts.items() if kind not in kept):
            raise AirflowFailException(f"{TARGET} differs from {SOURCE}: {counts}")
        return counts

    transfer_data >> compare_tables()
