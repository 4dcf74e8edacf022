"""The plan of an API: read from documents, written as JSON, and refused with the place of the mistake."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.model.api import Answers, ApiPlan, Auth, Limit
from penstock.model.errors import UsageError
from penstock.model.plan import CopyPlan
from penstock.rest.landing import load_plan

DOCUMENT = """
source: weather:/data/2.5/weather
auth: {query: appid, variable: WEATHER_TOKEN}
parameters: {lat: "{lat}", units: metric, cnt: 5, all: true}
each: {product: {lat: [1, 2], day: [a, b]}}
pages: {by: cursor, parameter: after, path: meta.next}
statuses: {404: absent, 5XX: error}
limit: {calls: 60, per_s: 60, shared: warehouse}
retries: {attempts: 3}
records: list
columns: {b: main.temp, a: id}
"""


def test_a_document_is_a_plan_and_the_plan_is_json() -> None:
    plan = ApiPlan.parse(yaml.safe_load(DOCUMENT))
    assert plan.auth == Auth(place="query", name="appid", variable="WEATHER_TOKEN")
    assert plan.parameters == {"lat": "{lat}", "units": "metric", "cnt": "5", "all": "true"}
    assert [plan.action(status) for status in (200, 404, 401, 500, 429, 418)] == [
        "records",
        "absent",
        "stop",
        "error",
        "retry",
        "error",
    ]
    assert list(plan.answers.paths) == ["b", "a"]
    assert ApiPlan.from_json(plan.to_json()) == plan


def test_toml_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        'source = "weather:/now"\nauth = "bearer"\nlimit = "5/minute"\n[each]\nfile = "rows.csv"\n'
    )
    plan = load_plan(tmp_path / "plan.toml")
    assert (plan.auth, plan.limit) == (Auth(place="bearer"), Limit(calls=5, per_s=60.0))
    assert plan.each.file == str(tmp_path / "rows.csv")
    assert tomllib.loads((tmp_path / "plan.toml").read_text())["auth"] == "bearer"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "source: Field required"),
        ({"source": "x.csv"}, "invalid API address 'x.csv'"),
        ({"source": "a:/x", "colums": {}}, "unknown field 'colums'"),
        ({"source": "a:/x", "pages": {"by": "link", "pth": 1}}, "unknown field 'pages.pth'"),
        ({"source": "a:/x", "pages": {"by": "cursor"}}, "pages by cursor need parameter and path"),
        ({"source": "a:/x", "auth": "query"}, "auth 'query' needs a name"),
        ({"source": "a:/x", "auth": "token"}, "auth.place: Input should be"),
        ({"source": "a:/x", "limit": "fast"}, "invalid limit 'fast'"),
        ({"source": "a:/x", "limit": "0/minute"}, "invalid limit of 0 calls"),
        ({"source": "a:/x", "statuses": {404: "ignore"}}, "statuses.404: Input should be"),
        ({"source": "a:/x", "each": {"file": "a", "query": "b"}}, "more than one source of rows"),
        ({"source": "a:/x", "concurrency": 0}, "must be at least 1"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        ApiPlan.parse(fields)
    assert message in refused.value.message


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "\x00"])
def test_a_file_that_holds_no_plan(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"plan\.yaml"):
        load_plan(path)
    with pytest.raises(UsageError, match="cannot read the plan"):
        load_plan(tmp_path / "nowhere.yaml")


def test_a_copy_s_plan_keeps_the_answers_and_its_identity_without_them() -> None:
    plan = CopyPlan(
        source="lake:w", target="warehouse:t", answers=Answers(records="l", columns={"b": "x", "a": "y"})
    )
    assert CopyPlan.from_json(plan.to_json()) == plan
    assert "answers" not in CopyPlan(source="a.csv", target="warehouse:t").to_json()
