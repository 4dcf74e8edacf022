"""A schedule in New York time across the start of daylight saving time: on 10 March 2013, 2:00 became 3:00.

The two DAGs differ in what a run stands for:

- `daylight_saving_intervals`: a run covers the interval between two scheduled times, and starts at its end.
- `daylight_saving_triggers`: a run stands for one moment; its data interval is empty.

02:30 did not exist on that day. Airflow moves that run to 03:30, so the interval that begins there lasts 23 hours.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronDataIntervalTimetable, CronTriggerTimetable, task

NEW_YORK = "America/New_York"
CRON = "30 2 * * *"

SCHEDULES = {
    "intervals": CronDataIntervalTimetable(CRON, timezone=NEW_YORK),
    "triggers": CronTriggerTimetable(CRON, timezone=NEW_YORK),
}


@task
def tell(data_interval_start: pendulum.DateTime, data_interval_end: pendulum.DateTime) -> str:
    """Return the time that this run covers, in New York time."""
    start, end = (moment.in_timezone(NEW_YORK) for moment in (data_interval_start, data_interval_end))
    return f"{start.isoformat()} to {end.isoformat()}"


for name, schedule in SCHEDULES.items():
    with DAG(
        f"daylight_saving_{name}",
        description="02:30 every night in New York, across the start of daylight saving time",
        doc_md=__doc__,
        schedule=schedule,
        start_date=pendulum.datetime(2013, 3, 8, tz=NEW_YORK),
        end_date=pendulum.datetime(2013, 3, 13, tz=NEW_YORK),
        catchup=True,
        max_active_runs=1,
        tags=["course"],
    ):
        tell()
