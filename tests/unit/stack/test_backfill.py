"""What a backfill would make, by what Airflow answers."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.cli import backfill as command
from penstock.cli.backfill import Way
from penstock.model.date_arguments import parse_moment
from penstock.model.errors import NothingDone
from penstock.stack.airflow_api import AirflowApi
from penstock.stack.backfill import Plan, Wish, plan

DAYS = [f"2013-02-0{day}T00:00:00Z" for day in range(1, 9)]


class Answers(AirflowApi):
    """Airflow's answers for a daily DAG, of which some runs exist."""

    def __init__(self, end_date: str | None = None, zone: str = "UTC", **runs: str) -> None:
        self.body: dict[str, Any] = {}
        self._runs = {f"{day.replace('_', '-')}T00:00:00Z": state for day, state in runs.items()}
        self._dag = {
            "timezone": zone,
            "max_active_runs": 4,
            "timetable_periodic": True,
            "is_paused": False,
            "end_date": end_date,
        }

    def get(self, path: str, **parameters: Any) -> Any:
        if path.endswith("/details"):
            return self._dag
        within = [
            {"logical_date": day, "state": state}
            for day, state in self._runs.items()
            if parameters["logical_date_gte"][:10] <= day[:10] <= parameters["logical_date_lte"][:10]
        ]
        return {"dag_runs": within, "total_entries": len(within)}

    def post(self, path: str, body: dict[str, Any]) -> Any:
        dates = [day for day in DAYS if body["from_date"][:10] <= day[:10] <= body["to_date"][:10]]
        return {"backfills": [{"logical_date": day} for day in dates if day not in self._runs]}


def planned(api: Answers, start: str = "2013-02-01", end: str = "2013-02-08") -> Plan:
    return plan(api, Wish("shop", parse_moment(start), parse_moment(end)))


def test_dates_after_the_end_are_left_out_and_counted() -> None:
    found = planned(Answers("2013-02-05T00:00:00Z"))
    assert (list(found.dates), found.beyond) == (DAYS[:5], 3)
    assert found.body["to_date"][:10] == "2013-02-05"
    assert planned(Answers()).beyond == 0
    assert planned(Answers("2013-02-05T00:00:00Z"), end="2013-02-05").beyond == 0


def test_a_range_after_the_end_is_nothing_to_do() -> None:
    with pytest.raises(NothingDone, match="shop ended on 2013-02-05, before 2013-02-06: no task would run"):
        planned(Answers("2013-02-05T00:00:00Z"), "2013-02-06")
    with pytest.raises(NothingDone, match="shop ended on 2013-02-04T19:00, before 2013-02-05"):
        planned(Answers("2013-02-05T00:00:00Z", "America/New_York"), "2013-02-05")


def test_what_exists_is_counted_and_what_of_it_failed() -> None:
    found = planned(Answers("2013-02-03T00:00:00Z", **{"2013_02_01": "success", "2013_02_02": "failed"}))
    assert (list(found.dates), found.existing, found.failed, found.beyond) == (DAYS[2:3], 2, 1, 5)


def begin(api: Answers, start: str, end: str) -> None:
    wish = Wish("shop", parse_moment(start), parse_moment(end))
    command._begin(api, wish, Way())


def test_no_run_in_that_time_is_nothing_to_do() -> None:
    with pytest.raises(
        NothingDone, match="shop has no completed data interval between 2013-03-01 and 2013-03-02"
    ):
        begin(Answers(), "2013-03-01", "2013-03-02")


def test_all_runs_exist(capsys: pytest.CaptureFixture[str]) -> None:
    begin(Answers(**{"2013_02_01": "success"}), "2013-02-01", "2013-02-01")
    assert capsys.readouterr().out.startswith("nothing to do: all 1 run of shop in this range exist")
    with pytest.raises(command.RunsFailed, match="1 of 1 run failed before"):
        begin(Answers(**{"2013_02_01": "failed"}), "2013-02-01", "2013-02-01")
