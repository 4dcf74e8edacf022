"""Which runs a request means. What Airflow itself makes of a timetable is not guessed but asked for."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

from penstock.airflow.run_dates import Wanted, left_out, run_at, run_now, runs_between, scheduled
from penstock.model.date_arguments import parse_moment
from penstock.model.errors import NothingDone, UsageError

NEW_YORK = "America/New_York"
START = pendulum.datetime(2013, 2, 1)


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
    assert (by_hand.logical_date.isoformat(), by_hand.is_scheduled) == ("2013-02-05T00:00:00+00:00", False)
    assert by_hand.interval == (by_hand.logical_date, by_hand.logical_date)


def test_a_date_beside_the_schedule_is_a_run_by_hand() -> None:
    weekdays = dag(CronDataIntervalTimetable("0 0 * * 1-5", timezone="UTC"))
    saturday = run_at(weekdays, parse_moment("2013-02-16"))
    assert (saturday.logical_date.weekday(), saturday.is_scheduled) == (5, False)
    assert saturday.interval is not None
    assert [f"{one:%m-%d}" for one in saturday.interval] == ["02-14", "02-15"]


def test_the_day_on_which_the_dag_begins_at_noon_is_no_day_before() -> None:
    noon = dag(None, start="2013-02-01T12:00")
    assert run_at(noon, parse_moment("2013-02-01")).logical_date.hour == 12


@pytest.mark.parametrize(
    ("schedule", "start", "end", "message"),
    [
        ("@daily", "2013-02-03", "2013-02-02", "is after"),
        (None, "2013-02-02", "2013-02-03", "no periodic schedule"),
        ("@once", "2013-02-02", "2013-02-03", "no periodic schedule"),
    ],
)
def test_ranges_that_make_no_sense(schedule: str | None, start: str, end: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        between(dag(schedule), start, end)


@pytest.mark.parametrize(
    ("schedule", "start", "end", "message"),
    [
        ("@daily", "2013-01-01", "2013-01-31", "starts on 2013-02-01"),
        ("0 9 * * 1-5", "2013-02-02", "2013-02-03", "no run between"),
    ],
)
def test_ranges_in_which_there_is_nothing_to_run(schedule: str, start: str, end: str, message: str) -> None:
    with pytest.raises(NothingDone, match=message):
        between(dag(schedule), start, end)


def test_a_day_of_several_runs_without_one_at_midnight_is_asked_back() -> None:
    with pytest.raises(UsageError, match="has 2 runs on 2013-02-05: 06:00, 18:00") as error:
        run_at(dag("0 6,18 * * *"), parse_moment("2013-02-05"))
    assert "2013-02-05T06:00" in (error.value.hint or "")


def test_a_date_before_the_start_is_refused_with_the_day_it_starts() -> None:
    with pytest.raises(NothingDone, match="starts on 2013-02-01, after 2013-01-31"):
        run_at(dag("@daily", NEW_YORK), parse_moment("2013-01-31"))


def ending(schedule: Any, end: str = "2013-02-05", **words: Any) -> Any:
    made = DAG("shop", schedule=schedule, start_date=START, end_date=pendulum.parse(end), **words)
    EmptyOperator(task_id="one", dag=made)
    return scheduled(made)


def test_a_range_ends_with_the_dag_and_what_is_left_out_is_said() -> None:
    daily = ending("@daily")
    assert dates(between(daily, "2013-02-04", "2013-02-09")) == ["02-04T00:00", "02-05T00:00"]

    def said(start: str, end: str, found: Any = daily) -> list[str]:
        return left_out(found, parse_moment(start), parse_moment(end))

    assert said("2013-02-04", "2013-02-09") == ["shop ended on 2013-02-05: skipping later dates"]
    assert said("2013-01-31", "2013-02-02") == ["shop starts on 2013-02-01: skipping earlier dates"]
    assert said("2013-02-01", "2013-02-05") == []
    assert said("2013-01-31", "2013-02-07", ending("@weekly")) == []  # Sundays: the 3rd alone


@pytest.mark.parametrize("schedule", ["@daily", "0 9 * * 1-5", None])
def test_a_date_after_the_end_is_nothing_to_run(schedule: str | None) -> None:
    with pytest.raises(NothingDone, match="shop ended on 2013-02-05, before 2013-02-06: no task would run"):
        run_at(ending(schedule), parse_moment("2013-02-06"))
    with pytest.raises(NothingDone, match="2013-02-05, before now"):
        run_now(ending(schedule))


def test_a_range_after_the_end_is_nothing_to_run() -> None:
    with pytest.raises(NothingDone, match="before 2013-02-07"):
        between(ending("@daily"), "2013-02-07", "2013-02-09")


def test_the_last_day_is_one_of_the_dags() -> None:
    assert run_at(ending("@daily"), parse_moment("2013-02-05")).is_scheduled
    assert run_at(ending(None), parse_moment("2013-02-05")).logical_date.day == 5
    noon = ending("0 6,18 * * *", "2013-02-05T12:00")
    assert run_at(noon, parse_moment("2013-02-05")).logical_date.hour == 6
    with pytest.raises(NothingDone, match="shop ended on 2013-02-05T12:00, before 2013-02-05T13:00"):
        run_at(noon, parse_moment("2013-02-05T13:00"))


def test_a_dag_ends_with_its_tasks_where_each_has_an_end() -> None:
    made = DAG("shop", schedule="@daily", start_date=START)
    EmptyOperator(task_id="one", dag=made, end_date=pendulum.parse("2013-02-03"))
    assert run_at(scheduled(made), parse_moment("2013-02-03")).is_scheduled
    with pytest.raises(NothingDone, match="shop ended on 2013-02-03"):
        run_at(scheduled(made), parse_moment("2013-02-04"))
    EmptyOperator(task_id="other", dag=made)
    assert run_at(scheduled(made), parse_moment("2013-02-04")).is_scheduled


def test_a_run_now_before_the_start_is_nothing_to_run() -> None:
    with pytest.raises(NothingDone, match="starts on 2100-01-01, after now"):
        run_now(dag("@daily", start="2100-01-01"))
