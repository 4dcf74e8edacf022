"""The same schedule with catchup on and off.

- `catchup_on`: when you unpause it, it runs for every day from its start date to its end date, oldest first.
- `catchup_off`: when you unpause it, it runs for the most recent complete day only.

A backfill runs any days you choose, including days before the start date:

    penstock backfill catchup_on --from 2013-01-28 --to 2013-01-30
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable, task

DAILY = CronDataIntervalTimetable("@daily", timezone="UTC")
START, END = datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 2, 5, tzinfo=UTC)


@task
def tell(ds: str) -> str:
    """Return the day that this run covers."""
    return ds


with DAG(
    "catchup_on",
    description="Five days of February 2013, with catchup",
    doc_md=__doc__,
    schedule=DAILY,
    start_date=START,
    end_date=END,
    catchup=True,
    max_active_runs=1,
    tags=["course"],
):
    tell()

with DAG(
    "catchup_off",
    description="The most recent complete day, without catchup",
    doc_md=__doc__,
    schedule=DAILY,
    start_date=START,
    catchup=False,
    tags=["course"],
):
    tell()
