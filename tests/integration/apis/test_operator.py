"""The landing as a task: its own label for each run, templates, a refused key that is not retried."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import KEY, Say, Service

from penstock.airflow import land_operator

HOUR = datetime(2013, 2, 1, 10, tzinfo=UTC)


def make(**words: Any) -> Any:
    return land_operator.LandOperator(task_id="fetch", **words)


def test_each_run_lands_its_own_answers_once(service: Service, lake: Path, plan: Plan) -> None:
    task = make(plan=plan(), target="lake:weather", rows=cities(3))
    first = task.execute({"run_id": "a", "data_interval_start": HOUR})
    assert (first["answers"], first["label"]) == (3, "2013-02-01T10:00:00+00:00")
    assert task.execute({"run_id": "b", "data_interval_start": HOUR})["already"]
    assert len(service.asked) == 3
    assert task.execute({"run_id": "c", "data_interval_start": None})["label"] == "c"
    assert len(service.asked) == 6


def test_texts_are_templates_and_the_place_is_an_asset(lake: Path, plan: Plan) -> None:
    task = make(plan=plan(headers={"X-Time": "{{ ts }}"}), target="lake:weather", values={"day": "{{ ds }}"})
    task.render_template_fields({"ts": "10:00", "ds": "2013-02-01"})
    assert task.plan["headers"] == {"X-Time": "10:00"}
    assert task.values == {"day": "2013-02-01"}
    assert [asset.uri for asset in task.outlets] == ["penstock://lake/weather"]
    assert KEY not in json.dumps(task.plan)


def test_a_plan_may_lie_beside_the_dag(service: Service, lake: Path, tmp_path: Path) -> None:
    from airflow.sdk import DAG

    (tmp_path / "weather.yaml").write_text(
        "source: api:/weather\nauth: {query: appid}\nparameters: {id: '{id}', hour: '{{ ts }}'}\neach: {file: c.csv}\n"
    )
    (tmp_path / "c.csv").write_text("id,name\n1,a\n2,b\n")
    dag = DAG("weather")
    dag.fileloc = str(tmp_path / "weather.py")
    task = make(plan="weather.yaml", target="lake:weather", dag=dag)
    assert task.execute({"run_id": "a", "ts": "10"})["answers"] == 2
    assert service.asked[0].query == {"id": "1", "hour": "10", "appid": KEY}


def test_a_refused_key_fails_the_task_at_once(service: Service, lake: Path, plan: Plan) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    service.behave = lambda asked: Say({"message": f"Invalid API key {KEY}"}, status=401)
    with pytest.raises(AirflowFailException, match="rejects the key") as failed:
        make(plan=plan(), target="lake:weather", rows=cities(50)).execute({"run_id": "a"})
    assert KEY not in str(failed.value)
    assert len(service.asked) == 1
