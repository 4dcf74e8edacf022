"""The same schedule with catchup on and off.

- `catchup_on`: unpaused, it makes up for every day from its start to its end, the oldest first.
- `catchup_off`: unpaused, it runs for the day that ended last, and for none before it.

A backfill asks for days of one's own choice, those before the start included:

    penstock backfill catchup_on --from 2013-01-28 --to 2013-01-30
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable, task

DAILY = CronDataIntervalTimetable("@daily", timezone="UTC")
START, END = datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 2, 5, tzinfo=UTC)


@task
def tell(ds: str) -> str:
    """The day that this run covers."""
    return ds


with DAG(
    "catchup_on",
    description="Five days of February 2013, made up for",
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
    description="The day that ended last",
    doc_md=__doc__,
    schedule=DAILY,
    start_date=START,
    catchup=False,
    tags=["course"],
):
    tell()
