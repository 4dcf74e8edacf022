"""Daily prices, with operators: extract, flatten, transform, load.

This DAG does the same as `market_etl`, with the same functions. `PythonOperator` calls them, and each task reads the
result of the previous task through a template.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, CronDataIntervalTimetable
from include import market
from include.market_params import AGAIN, DAY, PARAMS

from penstock.airflow import in_airflow, target_asset


def step(function: Callable[..., Any], words: dict[str, str], **more: Any) -> PythonOperator:
    """Make a task that calls the function and has its name."""
    return PythonOperator(
        task_id=function.__name__, python_callable=in_airflow(function), op_kwargs=words, **more
    )


def result_of(function: Callable[..., Any]) -> str:
    """Return the template for the return value of the function's task."""
    return f"{{{{ ti.xcom_pull(task_ids='{function.__name__}') }}}}"


with DAG(
    "market_etl_classic",
    description="Polygon -> lake -> market.transformed_market_data, day by day (operators)",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 9 * * 1-5", timezone="UTC"),
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    end_date=datetime(2013, 2, 28, 23, tzinfo=UTC),
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": True},
    tags=["market"],
    params=PARAMS,
):
    (
        step(market.create_market_tables, {})
        >> step(market.extract_market_data, {"day": DAY, "again": AGAIN})
        >> step(market.flatten_market_data, {"landed": result_of(market.extract_market_data), "day": DAY})
        >> step(market.transform_market_data, {"flat": result_of(market.flatten_market_data), "day": DAY})
        >> step(
            market.load_market_data,
            {"staged": result_of(market.transform_market_data), "day": DAY},
            outlets=[target_asset(market.LOADED)],
        )
    )
