"""A landing without a record: an error, unless the plan, the API or the caller says that it may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import Asked, Say, Service

import penstock
from penstock.cli.main import main
from penstock.model.errors import ExitCode


def listed(*records: Any) -> Any:
    return lambda asked: Say({"results": list(records)})


@pytest.fixture
def lists(plan: Plan) -> dict[str, Any]:
    """A plan whose answers hold lists of records."""
    return plan(records="results")


def test_no_answer_with_a_record_is_an_error_that_keeps_what_came(
    service: Service, lake: Path, lists: dict[str, Any]
) -> None:
    service.behave = listed()
    for already in (False, True):
        with pytest.raises(penstock.NothingLanded, match="lake:w: no answer holds a record") as nothing:
            penstock.land(lists, "lake:w", rows=cities(3), label="h")
        result = nothing.value.result
        assert (result.answers, result.empty, result.already) == (3, True, already)
        assert "--allow-empty" in str(nothing.value.hint)
    assert len(service.asked) == 3  # what has landed is not asked for again
    landed = penstock.land(lists, "lake:w", rows=cities(3), label="h", allow_empty=True)
    assert (landed.already, landed.remark()) == (True, "no answer holds a record")
    service.behave = listed({"id": 1})
    assert not penstock.land(lists, "lake:w", rows=cities(3), label="h", again=True).empty


def test_one_record_is_enough(service: Service, lake: Path, lists: dict[str, Any]) -> None:
    def last_only(asked: Asked) -> Say:
        return Say({"results": [{"id": 1}] if asked.query["id"] == "39" else []})

    service.behave = last_only
    assert not penstock.land({**lists, "batch": 4}, "lake:w", rows=cities(40)).empty


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"", b"[]", {"error": "no such plan"}])
def test_answers_that_hold_something_else(
    service: Service, lake: Path, lists: dict[str, Any], body: Any
) -> None:
    service.behave = lambda asked: Say(body)
    with pytest.raises(penstock.NothingLanded):
        penstock.land(lists, "lake:w", rows=cities(1))


def test_nothing_to_ask(service: Service, lake: Path, plan: Plan) -> None:
    with pytest.raises(penstock.NothingLanded, match="nothing to request: the plan has no rows"):
        penstock.land(plan(), "lake:w", rows=[])
    assert penstock.land(plan(), "lake:w", rows=[], allow_empty=True).requests == 0


def test_a_status_that_the_plan_calls_absent_may_have_no_records(
    service: Service, lake: Path, lists: dict[str, Any]
) -> None:
    service.behave = lambda asked: Say({"status": "NOT_FOUND"}, status=404)
    plan = {**lists, "statuses": {"404": "absent"}}
    landed = penstock.land(plan, "lake:w", rows=cities(2))
    assert (landed.absent, landed.remark()) == (
        2,
        "no records: by the plan, answers with this status have none",
    )

    # One that did answer, and has nothing, is another matter.
    service.behave = lambda asked: Say({"results": []}, status=404 if asked.query["id"] == "0" else 200)
    with pytest.raises(penstock.NothingLanded):
        penstock.land(plan, "lake:other", rows=cities(2))


def test_an_answer_that_is_still_good_is_not_nothing(
    service: Service, lake: Path, lists: dict[str, Any]
) -> None:
    def cached(asked: Asked) -> Say:
        if "if-none-match" in asked.headers:
            return Say(b"", status=304)
        return Say({"results": [{"id": 1}]}, headers={"ETag": '"1"'})

    service.behave = cached
    first = penstock.land({**lists, "cache": True}, "lake:w", rows=cities(2), label="a")
    second = penstock.land({**lists, "cache": True}, "lake:w", rows=cities(2), label="b")
    assert (first.empty, second.empty, second.unchanged) == (False, False, 2)


def test_nothing_new_since_the_last_landing_is_done(
    service: Service, lake: Path, lists: dict[str, Any]
) -> None:
    plan = {
        **lists,
        "since": {"parameter": "after", "path": "at", "start": "2013-01-01"},
    }
    service.behave = listed()
    with pytest.raises(penstock.NothingLanded):  # nothing at all has come yet
        penstock.land(plan, "lake:w", label="1")
    service.behave = listed({"id": 1, "at": "2013-02-01"})
    penstock.land(plan, "lake:w", label="2")
    service.behave = listed()
    for _ in range(2):
        landed = penstock.land(plan, "lake:w", label="3")
        assert (landed.empty, landed.remark()) == (True, "no answer holds a record")
    assert service.asked[-1].query["after"] == "2013-02-01"


def test_the_command(
    service: Service, lake: Path, lists: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.behave = listed()
    (tmp_path / "plan.yaml").write_text(json.dumps({**lists, "source": "api:/weather?id=1"}))
    words = ["copy", str(tmp_path / "plan.yaml"), "lake:w", "--label", "h"]
    assert main(words) == ExitCode.NOTHING
    output = capsys.readouterr()
    assert "  answers              1" in output.out
    assert output.err == (
        "error: lake:w: no answer holds a record\n"
        "hint: if the API may have no data: --allow-empty, in Python allow_empty=True\n"
    )
    assert main([*words, "--json"]) == ExitCode.NOTHING
    assert json.loads(capsys.readouterr().out)["empty"] is True
    assert main([*words, "--allow-empty"]) == ExitCode.DONE
    assert "\n  no answer holds a record\n" in capsys.readouterr().out


def test_the_task(
    service: Service, lake: Path, lists: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from penstock.airflow.land_operator import LandOperator

    logged: list[str] = []
    monkeypatch.setattr(LandOperator, "_tell", lambda _, lines: logged.extend(lines))
    service.behave = listed()
    words: dict[str, Any] = {"plan": lists, "target": "lake:w", "rows": cities(1)}
    with pytest.raises(AirflowFailException, match="no answer holds a record; if the API may have no data"):
        LandOperator(task_id="fetch", **words).execute({"run_id": "a"})
    assert "1 request = 1 answered + 0 with an earlier answer that is still valid" in logged
    assert "1 answer, 0 of them absent, 0 unchanged" in logged
    done = LandOperator(task_id="fetch", allow_empty=True, **words).execute({"run_id": "a"})
    assert (done["empty"], done["answers"]) == (True, 1)


def test_the_lake_says_that_no_request_is_meant(
    service: Service, lake: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    penstock.land(plan(), "lake:w", rows=cities(1), label="h")
    assert main(["lake", "show", "lake:w", "--request", "id=77"]) == ExitCode.NOTHING
    assert "no request URL of the landing 'h' contains 'id=77'" in capsys.readouterr().err
