"""The course's DAGs on a real stack, and what Airflow did with each of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.acceptance.stacks import Airflow, penstock

pytestmark = pytest.mark.timeout(300)


def days(runs: list[dict[str, Any]]) -> list[str]:
    return [run["logical_date"][:10] for run in runs]


def intervals(runs: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(run["data_interval_start"], run["data_interval_end"]) for run in runs]


def test_three_tasks_write_check_and_read_a_file(gallery: Airflow) -> None:
    run = gallery.trigger("check_dag")
    assert run["state"] == "success"
    assert gallery.xcom(run, "read_file") == "Hi there!"


@pytest.mark.soak
def test_two_values_under_one_key_and_both_are_pulled(gallery: Airflow) -> None:
    run = gallery.trigger("xcoms_demo")
    assert run["state"] == "success"
    first = {"height": 152, "mass": 64, "hair_color": "black", "eye_color": "hazel"}
    second = {"height": 117, "mass": 55, "hair_color": "brown", "eye_color": "black"}
    key = "character_info"
    assert [gallery.xcom(run, task, key) for task in ("transform", "transform2")] == [first, second]
    assert gallery.xcom(run, "load") == [first, second]


@pytest.mark.soak
def test_a_schedule_across_a_change_of_the_clocks(gallery: Airflow) -> None:
    for name in ("intervals", "triggers"):
        gallery.unpause(f"daylight_saving_{name}")
    found = gallery.ended_runs("daylight_saving_intervals", 5)
    # 02:30 on New York's clocks is 07:30 UTC in winter and 06:30 in summer; on the 10th 03:30, which is 07:30 UTC.
    ticks = [
        f"2013-03-{day:02}T{hour}:30:00Z" for day, hour in ((8, "07"), (9, "07"), (10, "07"), (11, "06"))
    ]
    ticks += ["2013-03-12T06:30:00Z", "2013-03-13T06:30:00Z"]
    assert intervals(found) == list(pairwise(ticks))
    assert {run["state"] for run in found} == {"success"}
    hours = [(moment(end) - moment(start)) / timedelta(hours=1) for start, end in intervals(found)]
    assert hours == [24, 24, 23, 24, 24]
    output = gallery.xcom(found[2], "tell")
    assert output == "2013-03-10T03:30:00-04:00 to 2013-03-11T02:30:00-04:00"

    found = gallery.ended_runs("daylight_saving_triggers", 5)
    assert intervals(found) == [(tick, tick) for tick in ticks[:5]]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.soak
def test_catchup_makes_up_for_every_day_the_oldest_first(gallery: Airflow) -> None:
    gallery.unpause("catchup_on")
    found = gallery.ended_runs("catchup_on", 5, run_type="scheduled")
    assert days(found) == [f"2013-02-0{day}" for day in range(1, 6)]
    assert intervals(found)[0] == ("2013-02-01T00:00:00Z", "2013-02-02T00:00:00Z")
    assert [gallery.xcom(run, "tell") for run in found] == days(found)
    began = [run["start_date"] for run in found]
    assert began == sorted(began)


def test_without_catchup_only_the_day_that_ended_last(gallery: Airflow) -> None:
    before = datetime.now(UTC)
    gallery.unpause("catchup_off")
    (run, *later) = gallery.ended_runs("catchup_off", 1, run_type="scheduled")
    after = datetime.now(UTC)
    assert len(later) == (after.date() - before.date()).days  # another, where midnight has passed meanwhile
    start, end = intervals([run])[0]
    assert moment(end) in {midnight(before), midnight(after)}
    assert moment(end) - moment(start) == timedelta(days=1)


def midnight(of: datetime) -> datetime:
    return of.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.soak
def test_a_backfill_reaches_days_before_the_start(gallery: Airflow) -> None:
    days_before = ("--from", "2013-01-28", "--to", "2013-01-30")
    done = penstock(gallery.project, "backfill", "catchup_on", *days_before, "--unpause")
    assert done.returncode == 0, done.stdout + done.stderr
    found = gallery.runs("catchup_on", run_type="backfill")
    assert days(found) == ["2013-01-28", "2013-01-29", "2013-01-30"]
    assert {run["state"] for run in found} == {"success"}
    assert [gallery.xcom(run, "tell") for run in found] == days(found)
