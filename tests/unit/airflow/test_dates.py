"""Which runs a request means. What Airflow itself makes of a timetable is not guessed but asked for."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest
from airflow.sdk import DAG, CronDataIntervalTimetable

from penstock.airflow.run_dates import Wanted, run_at, runs_between, scheduled
from penstock.model.date_arguments import parse_moment
from penstock.model.errors import UsageError

NEW_YORK = "America/New_York"


def dag(schedule: Any, zone: str = "UTC", start: str = "2013-02-01") -> Any:
    return scheduled(DAG("shop", schedule=schedule, start_date=pendulum.parse(start, tz=zone)))


def between(found: Any, start: str, end: str) -> list[Wanted]:
    return runs_between(found, parse_moment(start), parse_moment(end))


def dates(runs: list[Wanted]) -> list[str]:
    return [f"{one.logical_date:%m-%dT%H:%M}" for one in runs]


def test_a_range_holds_the_schedules_dates_both_ends_included() -> None:
    weekdays = dag("0 9 * * 1-5")
    assert dates(between(weekdays, "2013-02-01", "2013-02-05")) == [
        "02-01T09:00",
        "02-04T09:00",
        "02-05T09:00",
    ]
    assert dates(between(weekdays, "2013-02-04T09:00", "2013-02-05T08:59")) == ["02-04T09:00"]


def test_a_range_begins_with_the_dag() -> None:
    assert dates(between(dag("@daily"), "2013-01-01", "2013-02-02")) == ["02-01T00:00", "02-02T00:00"]


def test_each_run_gets_the_interval_that_a_scheduler_would_give_it() -> None:
    daily = dag(CronDataIntervalTimetable("0 0 * * *", timezone="UTC"))
    (run,) = between(daily, "2013-02-05", "2013-02-05")
    assert run.interval is not None
    assert [f"{one:%m-%d}" for one in run.interval] == ["02-05", "02-06"]
    assert f"{run.run_after:%m-%d}" == "02-06"


def test_days_are_the_dags_own_across_a_change_of_the_clocks() -> None:
    evening = dag("0 22 * * *", NEW_YORK)
    # 22:00 in New York is the next day in UTC; on March 10 the clocks went forward.
    assert dates(between(evening, "2013-03-09", "2013-03-10")) == ["03-10T03:00", "03-11T02:00"]


def test_a_day_means_its_only_run_else_its_midnight() -> None:
    assert run_at(dag("0 9 * * *"), parse_moment("2013-02-05")).logical_date.hour == 9
    assert run_at(dag("@hourly"), parse_moment("2013-02-05")).logical_date.hour == 0
    by_hand = run_at(dag(None), parse_moment("2013-02-05"))
    assert (by_hand.logical_date.isoformat(), by_hand.interval) == ("2013-02-05T00:00:00+00:00", None)


def test_a_date_beside_the_schedule_is_a_run_by_hand() -> None:
    saturday = run_at(dag("0 9 * * 1-5"), parse_moment("2013-02-02"))
    assert (saturday.logical_date.weekday(), saturday.interval) == (5, None)


def test_the_day_on_which_the_dag_begins_at_noon_is_no_day_before() -> None:
    noon = dag(None, start="2013-02-01T12:00")
    assert run_at(noon, parse_moment("2013-02-01")).logical_date.hour == 12


@pytest.mark.parametrize(
    ("schedule", "start", "end", "message"),
    [
        ("@daily", "2013-01-01", "2013-01-31", "begins on 2013-02-01"),
        ("0 9 * * 1-5", "2013-02-02", "2013-02-03", "no run between"),
        ("@daily", "2013-02-03", "2013-02-02", "lies after"),
        (None, "2013-02-02", "2013-02-03", "no schedule"),
        ("@once", "2013-02-02", "2013-02-03", "no schedule"),
    ],
)
def test_ranges_that_make_no_sense(schedule: str | None, start: str, end: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        between(dag(schedule), start, end)


def test_a_day_of_several_runs_without_one_at_midnight_is_asked_back() -> None:
    with pytest.raises(UsageError, match="has 2 runs on 2013-02-05: 06:00, 18:00") as error:
        run_at(dag("0 6,18 * * *"), parse_moment("2013-02-05"))
    assert "2013-02-05T06:00" in (error.value.hint or "")


def test_a_date_before_the_start_is_refused_with_the_day_it_starts() -> None:
    with pytest.raises(UsageError, match="begins on 2013-02-01, 2013-01-31 lies before"):
        run_at(dag("@daily", NEW_YORK), parse_moment("2013-01-31"))
