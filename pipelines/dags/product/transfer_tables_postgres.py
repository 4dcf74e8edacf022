"""Many tables from one Postgres server to the other: a task for each, as many at a time as Airflow has room for.

Which tables there are is asked when the DAG runs. Rows of a table with a primary key are merged, a table without one is
replaced. Tables that refer to one another by foreign keys had better be copied by `penstock copy --all`, which knows
their order.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import DAG, Param, task

from penstock.airflow import CopyOperator

with DAG(
    "transfer_tables_postgres",
    description="All tables of a schema, source -> target, a mapped task each",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["product"],
    params={
        "schema": Param("public", type="string", description="Of the source and of the target"),
        "tables": Param([], type="array", description="Only these; by default all"),
    },
):

    @task
    def tables_to_copy(params: dict[str, object] | None = None) -> list[dict[str, str]]:
        """The words of a copy for each table."""
        wanted = params or {}
        query = Path(__file__).with_name("tables_to_copy.sql").read_text(encoding="utf-8")
        rows = PostgresHook("source").get_records(query, parameters=wanted)
        return [
            {
                "source": f"source:{wanted['schema']}.{table}",
                "target": f"target:{wanted['schema']}.{table}",
                "mode": "merge" if has_key else "replace",
            }
            for table, has_key in rows
        ]

    CopyOperator.partial(
        task_id="copy_table", max_rejects=0, map_index_template="{{ task.target.rpartition('.')[2] }}"
    ).expand_kwargs(tables_to_copy())
