"""Daily prices, with the TaskFlow API: extract, flatten, transform, load.

It runs on weekdays at 09:00 UTC, for the market day on which its data interval begins: Tuesday's run fetches Monday's
prices, and Monday's run fetches Friday's. The exchange closed twelve hours earlier, so all figures are final. On a
holiday the service has no prices: the run succeeds and loads no rows. On a day with a session every ticker must have
prices, or the run fails before it publishes any (variable `market_partial_day`); the next run requests what is missing.

`market_etl_classic` does the same with operators. Both use the functions in `include/market.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronDataIntervalTimetable, dag
from include.market_params import AGAIN, DAY, PARAMS
from include.market_tasks import (
    create_market_tables,
    extract_market_data,
    flatten_market_data,
    load_market_data,
    transform_market_data,
)


@dag(
    description="Polygon -> lake -> market.transformed_market_data, day by day (TaskFlow)",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 9 * * 1-5", timezone="UTC"),
    start_date=datetime(2013, 2, 1, tzinfo=UTC),
    end_date=datetime(2013, 2, 28, 23, tzinfo=UTC),
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": True},
    tags=["market"],
    params=PARAMS,
)
def market_etl() -> None:
    """Run four steps, each of which passes the address of its result to the next."""
    landed = extract_market_data(DAY, AGAIN)
    create_market_tables() >> landed
    load_market_data(transform_market_data(flatten_market_data(landed, DAY), DAY), DAY)


market_etl()
