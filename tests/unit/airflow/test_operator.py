"""The operator without a database: what it makes of its words. Airflow is imported, so these take a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from penstock.airflow import copy_operator
from penstock.model.checks import CheckResult
from penstock.model.errors import CheckFailed, ConnectionFailed, TooManyRejects, UsageError
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[CopyPlan]:
    seen: list[CopyPlan] = []

    def run(plan: CopyPlan, *, again: bool = False) -> CopyResult:
        seen.append(plan)
        return CopyResult(id="1", read=3, loaded=2, inserted=2, rejected=1, rejects={"check": 1})

    monkeypatch.setattr(copy_operator, "run", run)
    return seen


def make(**words: Any) -> Any:
    return copy_operator.CopyOperator(task_id="copy", source="in.csv", target="warehouse:raw.sales", **words)


def test_it_returns_the_account(plans: list[CopyPlan]) -> None:
    assert make(mode="merge", key="sale_id").execute({})["rejects"] == {"check": 1}
    assert (plans[0].mode, plans[0].key, plans[0].task) == ("merge", ("sale_id",), "copy")


def test_what_renders_to_nothing_is_not_given(plans: list[CopyPlan]) -> None:
    make(filter_column="", filter_value="", max_rejects="").execute({})
    assert plans[0].where is None
    assert plans[0].max_rejects is None


def test_every_option_is_a_template() -> None:
    task = make(filter_column="Date", filter_value="{{ ds }}", null_values=["{{ nothing }}"])
    task.render_template_fields({"ds": "2013-02-24", "nothing": "None"})
    assert task.options["filter_value"] == "2013-02-24"
    assert task.options["null_values"] == ["None"]


def test_it_can_be_mapped_over_an_option() -> None:
    mapped = copy_operator.CopyOperator.partial(
        task_id="copy", target="warehouse:raw.sales", mode="append"
    ).expand(source=["a.csv", "b.csv"])
    assert mapped.partial_kwargs["mode"] == "append"


def test_unknown_words_are_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(TypeError, match="modes"):
        make(modes="merge")


def test_the_target_is_an_asset_unless_a_template_names_it() -> None:
    assert [asset.uri for asset in make().outlets] == ["penstock://warehouse/raw/sales"]
    templated = copy_operator.CopyOperator(task_id="copy", source="in.csv", target="{{ params.target }}")
    assert templated.outlets == []


def test_what_fails_the_same_way_again_is_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    def refuse(plan: CopyPlan, *, again: bool = False) -> CopyResult:
        raise TooManyRejects("3 of 3 rows were rejected", hint="look at them")

    monkeypatch.setattr(copy_operator, "run", refuse)
    with pytest.raises(AirflowFailException, match="3 of 3 rows were rejected; look at them"):
        make().execute({})

    def unreachable(plan: CopyPlan, *, again: bool = False) -> CopyResult:
        raise ConnectionFailed("server down")

    monkeypatch.setattr(copy_operator, "run", unreachable)
    with pytest.raises(ConnectionFailed):
        make().execute({})


def test_the_provider_is_found_by_its_entry_point() -> None:
    from importlib.metadata import entry_points

    (entry,) = entry_points(group="apache_airflow_provider", name="provider_info").select(
        value="penstock.airflow.provider:get_provider_info"
    )
    assert entry.load()()["package-name"] == "penstock"


def test_a_check_that_only_warns_is_logged_and_sent_and_the_task_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned = CheckResult(check="volume:50%", passed=False, found="1 row", on_failure="warn")
    passed = CheckResult(check="unique:id", passed=True, found="no repeated value", on_failure="fail")
    monkeypatch.setattr(
        copy_operator, "run", lambda plan, *, again=False: CopyResult(id="1", checks=[passed, warned])
    )
    sent: list[tuple[str, str]] = []

    def notify(notifier: Any, context: Any) -> None:
        sent.append((notifier.subject, notifier.message))
        raise ConnectionFailed("no mail server")

    monkeypatch.setattr("penstock.airflow.notifier.Notifier.notify", notify)
    task = make(checks=["unique:id", {"volume": "50%", "on_failure": "warn"}])
    task.dag = DAG("shop")
    assert task.execute({})["checks"][1]["found"] == "1 row"
    assert sent == [
        ("shop: a check failed", "warehouse:raw.sales: check failed (warning): volume:50%: 1 row")
    ]


def test_a_failed_check_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(plan: CopyPlan, *, again: bool = False) -> CopyResult:
        raise CheckFailed("1 check failed")

    monkeypatch.setattr(copy_operator, "run", stale)
    with pytest.raises(CheckFailed):
        make().execute({})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "penstock.toml").touch()
    (tmp_path / "copies").mkdir()
    monkeypatch.setenv("PENSTOCK_PROJECT", str(tmp_path))
    return tmp_path


def test_a_copy_s_file_gives_source_target_and_options(root: Path, plans: list[CopyPlan]) -> None:
    (root / "copies" / "sales.yaml").write_text("source: in.csv\ntarget: warehouse:t\nmode: merge\nkey: a\n")
    task = copy_operator.CopyOperator(
        task_id="load", dag=DAG("shop"), copy_file="copies/sales.yaml", target="warehouse:u", key="b"
    )
    task.execute({})
    (plan,) = plans
    assert (plan.source, plan.target, plan.mode, plan.key) == (
        f"{root}/in.csv",
        "warehouse:u",
        "merge",
        ("b",),
    )
    assert (plan.pipeline, plan.task) == ("shop", "load")
    assert [asset.uri for asset in task.outlets] == ["penstock://warehouse/public/u"]


def test_what_a_copy_s_file_cannot_say_for_a_task_is_refused_at_parsing(root: Path) -> None:
    (root / "a.yaml").write_text("source: in.csv\ntarget: warehouse:t\nretries: 2\n")
    with pytest.raises(UsageError, match=r"a\.yaml:3: schedule, retries and other fields of a DAG"):
        copy_operator.CopyOperator(task_id="load", copy_file="a.yaml")
    with pytest.raises(TypeError, match="needs source and target, or copy_file"):
        copy_operator.CopyOperator(task_id="load", source="a.csv")
