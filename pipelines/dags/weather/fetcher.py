"""Fetch the current weather of chosen cities every hour: land the answers in the lake, then load them.

The variable `weather_cities` names the cities (see `include/weather.py`), and `openweathermap_limit` limits the calls.
Landing and loading are separate tasks: landed answers are not requested again, and can be loaded again without network
access. Answers that do not fit into `weather.raw_current_weather` go to quarantine. `transformer` runs after this DAG
has loaded rows.

The service reports the current weather only, so missed hours cannot be fetched later. The sandbox uses the time of the
run: `penstock backfill fetcher --from 2013-02-04 --to 2013-02-05` fills days of the demo month.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG, CronTriggerTimetable, task
from include import weather

from penstock.airflow import CopyOperator, LandOperator, in_airflow

MOMENT = "(dag_run.logical_date or dag_run.run_after)"  # a run may have no logical date
LANDED = f"lake:weather/current/{{{{ {MOMENT}.strftime('%Y-%m-%dT%H-%M-%S') }}}}"

with DAG(
    "fetcher",
    description="OpenWeatherMap -> lake -> weather.raw_current_weather, every hour",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=2)},
    tags=["weather"],
):
    create_tables = SQLExecuteQueryOperator(
        task_id="create_tables", conn_id=weather.CONNECTION, sql="create_tables.sql", split_statements=True
    )

    @task
    def choose_cities() -> int:
        """Mark the cities to fetch in `weather.cities`; return their number."""
        return in_airflow(weather.choose_cities)()

    land = LandOperator(
        task_id="land",
        plan="current.yaml",
        target=LANDED,
        values={"moment": f"{{{{ {MOMENT}.timestamp() | int }}}}"},
        landing_label="now",
    )
    load = CopyOperator(task_id="load", source=LANDED, target=weather.RAW, mode="merge")
    create_tables >> choose_cities() >> land >> load
