"""Copy many tables from one Postgres server to another, with one mapped task per table.

The DAG reads the list of tables when it runs. It merges a table that has a primary key and replaces a table that has
none. To copy tables with foreign keys between them, use `penstock copy --all`, which finds the right order.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import DAG, Param, task

from penstock.airflow import CopyOperator

with DAG(
    "transfer_tables_postgres",
    description="All tables of a schema, source -> target, one mapped task per table",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["product"],
    params={
        "schema": Param("public", type="string", description="Schema of the source and the target"),
        "tables": Param([], type="array", description="Tables to copy; by default all"),
    },
):

    @task
    def tables_to_copy(params: dict[str, object] | None = None) -> list[dict[str, str]]:
        """Return the arguments of one copy per table."""
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
