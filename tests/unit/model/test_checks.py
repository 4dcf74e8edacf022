"""Checks as users write them."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.engine.identity import identity_of
from penstock.engine.replay_source import replay_plan
from penstock.model.checks import CheckResult, TableCheck, as_texts, enforce_checks
from penstock.model.errors import CheckFailed, ExitCode, UsageError
from penstock.model.options import make_plan
from penstock.model.plan import CopyPlan


@pytest.mark.parametrize(
    ("given", "text", "check"),
    [
        ({"not_null": "a"}, "not_null:a", TableCheck(kind="not_null", columns=("a",))),
        ({"unique": ["a", "b,c"]}, 'unique:a,"b,c"', TableCheck(kind="unique", columns=("a", "b,c"))),
        (
            {"accepted": {"paid": [True, 1, "x=y"]}, "on_failure": "warn"},
            "warn:accepted:paid=true,1,x=y",
            TableCheck(kind="accepted", columns=("paid",), values=("true", "1", "x=y"), on_failure="warn"),
        ),
        (
            {"fresh": {"at": "36 hours"}},
            "fresh:at=36 hours",
            TableCheck(kind="fresh", columns=("at",), age="36 hours"),
        ),
        (
            {"accepted": {"a": ["", "x"]}},
            "accepted:a=,x",
            TableCheck(kind="accepted", columns=("a",), values=("", "x")),
        ),
        ({"volume": "50%"}, "volume:50%", TableCheck(kind="volume", least=50)),
        (
            "warn:volume:50%-200.5%",
            "warn:volume:50%-200.5%",
            TableCheck(kind="volume", least=50, most=200.5, on_failure="warn"),
        ),
    ],
)
def test_a_check_as_a_mapping_and_as_a_text(given: Any, text: str, check: TableCheck) -> None:
    assert as_texts([given]) == (text,)
    assert TableCheck.parse(text) == check


@pytest.mark.parametrize(
    "given",
    [
        "",
        "unique",
        "unique:",
        "unqiue:a",
        "accepted:a",
        "accepted:a=",
        "fresh:a",
        "fresh:a=soon",
        "volume:5",
        "volume:",
        'unique:"a',
        {"unique": "a", "not_null": "a"},
        {"accepted": {"a": [1], "b": [2]}},
        {"unique": "a", "on_failure": "ignore"},
        {},
    ],
)
def test_an_invalid_check_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="invalid"):
        as_texts([given])


def test_checks_are_kept_in_the_plan_and_are_not_part_of_the_identity() -> None:
    plain = make_plan("s.csv", "w:t")
    plan = make_plan("s.csv", "w:t", checks=["unique:a", {"volume": "50%"}, "fresh:b=1 day"])
    assert CopyPlan.from_json(plan.to_json()) == plan
    assert "checks" not in plain.to_json()
    assert identity_of(plan, "f00") == identity_of(plain, "f00")
    assert replay_plan(plan).checks == ("unique:a",)


def test_only_a_check_that_fails_the_copy_raises() -> None:
    def result(*, passed: bool, on_failure: Any) -> CheckResult:
        return CheckResult(check="unique:a", passed=passed, found="1 value", on_failure=on_failure)

    enforce_checks([result(passed=False, on_failure="warn"), result(passed=True, on_failure="fail")], "w:t")
    with pytest.raises(
        CheckFailed, match="1 check of w:t failed; nothing was changed\n  unique:a: 1 value"
    ) as no:
        enforce_checks([result(passed=False, on_failure="fail")], "w:t")
    assert no.value.exit_code == ExitCode.TOO_MANY_REJECTS
