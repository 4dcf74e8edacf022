"""The lake on an S3 server, and what its command shows and removes."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from tests.databases import Query
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import KEY, Asked, Say, Service, weather

import penstock
from penstock.cli.main import main
from penstock.model.connection import Connection


@pytest.fixture
def bucket(objects: Connection, lake: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of the test's own, which the connection `lake` names."""
    assert objects.password is not None
    name = f"lake-{secrets.token_hex(6)}"
    fields = {
        "conn_type": "aws",
        "login": objects.login,
        "password": objects.password.reveal(),
        "extra": {**objects.extra, "bucket": name, "make_buckets": "true"},
    }
    monkeypatch.setenv("PENSTOCK_CONN_LAKE", json.dumps(fields))
    return name


def test_a_bucket_may_be_the_lake(
    service: Service, lake: Path, plan: Plan, query: Query, bucket: str
) -> None:
    service.behave = lambda asked: Say(status=401) if asked.number >= 12 else weather(asked)
    with pytest.raises(penstock.PenstockError):
        penstock.land(plan(batch=4, concurrency=2), "lake:weather", rows=cities(20))
    service.behave = weather
    landed = penstock.land(plan(batch=4), "lake:weather", rows=cities(20))
    assert landed.answers == 20
    assert 12 - 2 < landed.landed_before <= 12  # what was under way when the key expired is asked again
    assert not lake.exists()
    assert penstock.copy("lake:weather", "warehouse:weather", key="id").loaded == 20
    assert main(["lake", "prune", "lake:weather", "--keep-days", "0"]) == 0
    with pytest.raises(penstock.PenstockError, match="nothing has landed"):
        penstock.copy("lake:weather", "warehouse:weather", key="id")


def test_another_machine_is_kept_out_of_a_bucket(
    service: Service,
    lake: Path,
    plan: Plan,
    query: Query,
    bucket: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    other = tmp_path_factory.mktemp("machine")  # a state directory of its own, as another machine has
    (other / "penstock.toml").write_text('[project]\nname = "tests"\n')

    def meanwhile(asked: Asked) -> Say:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PENSTOCK_PROJECT", str(other))
            with pytest.raises(penstock.PenstockError, match="another process is landing"):
                penstock.land(plan(), "lake:weather", rows=cities(1), label="x")
        return weather(asked)

    service.behave = meanwhile
    assert penstock.land(plan(), "lake:weather", rows=cities(1), label="x").answers == 1


def test_where_nothing_keeps_other_machines_out_it_is_said(
    service: Service, lake: Path, plan: Plan, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    penstock.land(plan(), "lake:weather", rows=cities(1), label="x")
    assert f"cannot lock s3://{bucket}" in caplog.text


def test_a_lake_of_this_machine_needs_no_warehouse(
    service: Service, lake: Path, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    penstock.land(plan(), "lake:weather", rows=cities(1), label="x")
    assert "cannot lock" not in caplog.text


def test_what_the_command_shows(
    service: Service, lake: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    penstock.land(plan(), "lake:weather", rows=cities(3), label="10:00")
    service.behave = lambda asked: Say(status=404)
    with pytest.raises(penstock.PenstockError):
        penstock.land(plan(), "lake:weather", rows=cities(2), label="11:00")
    assert main(["lake", "list", "lake:weather", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(one["label"], one["finished"], one["answers"]) for one in listed] == [
        ("10:00", True, 3),
        ("11:00", False, None),
    ]
    assert main(["lake", "show", "lake:weather", "--label", "10:00"]) == 0
    shown = capsys.readouterr().out
    assert "/weather?id=2" in shown
    assert KEY not in shown
    assert main(["lake", "show", "lake:weather", "--label", "09:00"]) == 2
    assert "no landing '09:00'" in capsys.readouterr().err
    assert main(["lake", "list", "weather.csv"]) == 2


def test_what_is_pruned(service: Service, lake: Path, plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    penstock.land(plan(), "lake:weather", rows=cities(3), label="10:00")
    assert main(["lake", "prune", "lake:weather"]) == 0
    assert "0 landings removed" in capsys.readouterr().out
    assert main(["lake", "prune", "lake:", "--keep-days", "0", "--dry-run", "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert (output["dry_run"], [one["label"] for one in output["removed"]]) == (True, ["10:00"])
    assert list(lake.rglob("*.parquet"))
    assert main(["lake", "prune", "lake:", "--keep-days", "0"]) == 0
    assert not list(lake.rglob("*.parquet"))


def test_retries_do_not_disturb_what_a_machine_reads(
    service: Service, lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.behave = lambda asked: Say(status=500) if asked.number == 0 else weather(asked)
    (tmp_path / "plan.yaml").write_text("source: api:/weather\nretries: {first_wait_s: 0.01}\n")
    assert main(["copy", str(tmp_path / "plan.yaml"), "lake:weather", "--label", "x", "--json"]) == 0
    printed = capsys.readouterr()
    output = json.loads(printed.out)
    assert (output["label"], output["answers"], output["calls"]) == ("x", 1, 2)
    assert printed.err == ""
