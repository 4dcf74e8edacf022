"""Refresh the dashboard's data: the day's market prices, and four operations tables in Snowflake.

The exchange's calendar decides whether to fetch prices; on other days the DAG only sends a notification. In parallel,
one task group per table exports the day's rows from Postgres to objects and loads them into Snowflake. If a group
fails, the others continue and the run fails. At the end, the day's objects are moved to the archive.

Every task can be repeated. If the connection `snowflake_conn` is a Postgres database, as it is on this machine, the
rows are loaded there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TaskGroup, task
from include import dashboard, market
from include.market_params import AGAIN, DAY
from include.market_tasks import (
    create_market_tables,
    extract_market_data,
    flatten_market_data,
    load_market_data,
    transform_market_data,
)

from penstock.airflow import (
    MoveObjectsOperator,
    NotifyOperator,
    PostgresToS3Operator,
    S3ToSnowflakeOperator,
    in_airflow,
)

NEXT_DAY = f"{{{{ macros.ds_add({DAY.strip('{} ')}, 1) }}}}"

with DAG(
    "advanced_daily_dashboard_refresh",
    description="Market prices, and operations through objects into Snowflake, day by day",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 9 * * *", timezone="UTC"),
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    end_date=datetime(2013, 2, 28, 23, tzinfo=UTC),
    catchup=True,
    # Days can run concurrently: each has its own rows and objects.
    max_active_runs=4,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    tags=["dashboard"],
    params={
        "day": Param(None, type=["null", "string"], description="A day, such as 2013-02-04"),
        "again": Param(
            False, type="boolean", description="Request prices again, even those that have landed"
        ),
    },
):

    @task.branch
    def check_market_open(day: str) -> str:
        """Return whether the exchange is open on this day."""
        if in_airflow(market.is_market_open)(day):
            return "process_market_data.create_market_tables"
        return "market_closed_notification"

    with TaskGroup("process_market_data") as process_market_data:
        landed = extract_market_data(DAY, AGAIN)
        tables = create_market_tables()
        tables >> landed
        load_market_data(transform_market_data(flatten_market_data(landed, DAY), DAY), DAY)

    market_closed_notification = NotifyOperator(
        task_id="market_closed_notification", message=f"No prices for {DAY}: the exchange was closed."
    )
    check_market_open(DAY) >> [tables, market_closed_notification]

    prepare_operations = task(in_airflow(dashboard.prepare_operations))()
    archive_s3_files = MoveObjectsOperator(
        task_id="archive_s3_files",
        source=f"s3://s3_conn@{dashboard.BUCKET}/{DAY}/",
        target=f"s3://s3_conn@{dashboard.BUCKET}/archive/{DAY}/",
    )
    for replicated in dashboard.TABLES:
        with TaskGroup(replicated.table) as group:
            objects = {
                "s3_conn_id": "s3_conn",
                "s3_bucket": dashboard.BUCKET,
                "s3_key": f"{DAY}/{replicated.table}",
            }
            postgres_to_s3 = PostgresToS3Operator(
                task_id="postgres_to_s3",
                postgres_conn_id=dashboard.OPERATIONS,
                table=f"daily_operations.{replicated.table}",
                filter_column=replicated.day,
                filter_value=DAY,
                **objects,
            )
            s3_to_snowflake = S3ToSnowflakeOperator(
                task_id="s3_to_snowflake",
                snowflake_conn_id="snowflake_conn",
                stage="{{ var.value.dashboard_stage }}",
                schema="{{ var.value.dashboard_schema }}",
                table=replicated.table,
                mode="interval",
                interval_column=replicated.day,
                interval_start=DAY,
                interval_end=NEXT_DAY,
                **objects,
            )
            postgres_to_s3 >> s3_to_snowflake
        prepare_operations >> group >> archive_s3_files

    [process_market_data, archive_s3_files] >> NotifyOperator(
        task_id="refresh_failed_notification",
        message=f"The dashboard is not up to date for {DAY}: at least one task failed.",
        trigger_rule="one_failed",
        then_fail=True,
    )
