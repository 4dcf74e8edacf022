"""Current weather of chosen cities, every hour: the answers land in the lake, then they are loaded.

The variable `weather_cities` says which cities (see `include/weather.py`), `openweathermap_limit` how many calls are
allowed. Landing and loading are apart: what has landed is not asked for again, and can be loaded again without the
network. Answers that do not fit into `weather.raw_current_weather` go to quarantine. `transformer` runs when this has
loaded something.

The service tells the weather of now, so hours that were missed cannot be made up for. The sandbox goes by the run's own
time: `penstock backfill fetcher --from 2013-02-04 --to 2013-02-05` fills the demo month's days.
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
        """Note which cities are fetched; returns how many."""
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
