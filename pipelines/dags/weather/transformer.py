"""Build weather tables from the answers that `fetcher` loaded. Runs after each load.

- `readings`, `reading_conditions`, `conditions`: one row per measurement, even if the service repeated it.
- `current_weather`: the newest reading of each city.
- `city_day_summary_temperature`: minimum, maximum and mean of each city's local day, by upsert.
- `city_hour_temperature`: every hour, with short gaps interpolated linearly, and a five-hour moving average. Gaps of
  more hours than the variable `weather_max_gap_hours` stay gaps; the view `city_hour_gaps` lists them, and the log of
  the check `check_city_hour_temperature` states them.

Only the rows that new, late or corrected readings affect are recomputed. Then the tables are checked; a failed check
fails the run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.sql.operators.sql import SQLCheckOperator, SQLExecuteQueryOperator
from airflow.sdk import DAG
from include import weather

from penstock.airflow import target_asset

TABLES = ("readings", "current_weather", "city_day_summary_temperature", "city_hour_temperature")

with DAG(
    "transformer",
    description="weather.raw_current_weather -> readings -> current, daily and hourly weather, checked",
    doc_md=__doc__,
    schedule=[target_asset(weather.RAW)],
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["weather"],
):
    made = {
        table: SQLExecuteQueryOperator(
            task_id=table,
            conn_id=weather.CONNECTION,
            sql=f"{table}.sql",
            split_statements=True,  # all statements run in one transaction
            outlets=[target_asset(f"{weather.CONNECTION}:weather.{table}")],
        )
        for table in TABLES
    }
    for table in TABLES:
        check = SQLCheckOperator(
            task_id=f"check_{table}", conn_id=weather.CONNECTION, sql=f"checks/{table}.sql"
        )
        made[table] >> check
        if table != "readings":
            made["readings"] >> made[table]
