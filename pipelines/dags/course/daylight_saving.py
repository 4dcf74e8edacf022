"""A schedule on New York's clocks over the night in which they were set forward: 10 March 2013, 2:00 became 3:00.

Two ways to count, which differ in what a run is about:

- `daylight_saving_intervals`: a run covers the time from one tick of the clock to the next, and starts at its end.
- `daylight_saving_triggers`: a run is a moment, and covers no time.

02:30 did not exist on that day: Airflow moves that one tick to 03:30, and the interval that begins there lasts
23 hours.
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
    """The time that this run covers, on New York's clocks."""
    start, end = (moment.in_timezone(NEW_YORK) for moment in (data_interval_start, data_interval_end))
    return f"{start.isoformat()} to {end.isoformat()}"


for name, schedule in SCHEDULES.items():
    with DAG(
        f"daylight_saving_{name}",
        description="02:30 every night in New York, across a change of the clocks",
        doc_md=__doc__,
        schedule=schedule,
        start_date=pendulum.datetime(2013, 3, 8, tz=NEW_YORK),
        end_date=pendulum.datetime(2013, 3, 13, tz=NEW_YORK),
        catchup=True,
        max_active_runs=1,
        tags=["course"],
    ):
        tell()
