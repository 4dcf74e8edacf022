"""`penstock connection show`: the fields that count, and where they come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock.cli.main import main

FILES = {
    "base": """
connections:
  dwh:
    type: postgres
    host: db
    login: etl
  none: {type: http, host: x}
""",
    "prod": """inherits: base
connections:
  dwh:
    host: prod.db
  none: null
  market:
    same_as: warehouse
""",
}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "penstock.toml").write_text("")
    (tmp_path / "environments").mkdir()
    for name, text in FILES.items():
        (tmp_path / "environments" / f"{name}.yaml").write_text(text)
    for name in ("PENSTOCK_PROJECT", "PENSTOCK_ENV", "PENSTOCK_CONN_WAREHOUSE", "AIRFLOW_CONN_WAREHOUSE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, tuple[str, str]]:
    assert main(["connection", "show", *words, "--json"]) == 0
    return {
        one["field"]: (one["value"], one["where"]) for one in json.loads(capsys.readouterr().out)["fields"]
    }


def test_each_field_has_its_file_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "dwh", "--env", "prod") == {
        "type": ("postgres", "environments/base.yaml:4"),
        "host": ("prod.db", "environments/prod.yaml:4"),
        "login": ("etl", "environments/base.yaml:6"),
    }


def test_the_process_comes_first_and_secrets_are_masked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM", "http://me:s3kr3t@crm/?token=t0ken")
    found = shown(capsys, "crm")
    assert found["password"] == ("***", "AIRFLOW_CONN_CRM in the process")
    assert found["extra.token"][0] == "***"
    monkeypatch.setenv("PENSTOCK_CONN_DWH", "postgres://me:s3kr3t@elsewhere/d")
    found = shown(capsys, "dwh")
    assert found["host"] == ("elsewhere", "PENSTOCK_CONN_DWH in the process")
    assert main(["connection", "show", "dwh"]) == 0
    assert "s3kr3t" not in capsys.readouterr().out


def test_other_places(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "airflow_settings.yaml").write_text(
        "airflow:\n  connections:\n    - {conn_id: crm, conn_type: http, conn_host: https://crm}\n"
    )
    assert shown(capsys, "crm")["type"] == ("http", "airflow_settings.yaml")
    assert shown(capsys, "target")["type"] == (
        "postgres",
        "embedded; penstock db status warehouse shows its address",
    )
    assert shown(capsys, "market", "--env", "prod")["same_as"][0] == "warehouse"


def test_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connection", "show", "none", "--env", "prod"]) == 1
    assert "environments/prod.yaml:5 excludes the connection 'none'" in capsys.readouterr().err
    assert main(["connection", "show", "dwhh"]) == 1
    assert "did you mean dwh?" in capsys.readouterr().err
