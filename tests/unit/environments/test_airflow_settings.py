"""The project's own `airflow_settings.yaml`, beside its environments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.environments.formats.airflow_settings import read, write
from penstock.environments.formats.bundle import Bundle, Pool
from penstock.model.errors import UsageError

SETTINGS = """
airflow:
  connections:
    - {conn_id: crm, conn_type: http, conn_host: https://crm.example.com}
  pools:
    - {pool_name: small, pool_slot: 2, pool_description: a few at a time}
  variables:
    - {variable_name: region, variable_value: eu}
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "penstock.toml").touch()
    (tmp_path / "airflow_settings.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_pools_survive_a_round_trip() -> None:
    pools = (Pool("a", 1, "one"), Pool("b", -1, include_deferred=True))
    assert read(write(Bundle(pools=pools))).pools == pools


@pytest.mark.parametrize("slots", ["many", "true", "-2", "null"])
def test_a_pool_needs_its_slots(slots: str) -> None:
    with pytest.raises(UsageError, match="pool a: pool_slot must be an integer"):
        read(f"airflow: {{pools: [{{pool_name: a, pool_slot: {slots}}}]}}")


def test_export_keeps_the_pools(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "export", "--format", "airflow-settings"]) == 0
    assert "pool_name: small" in capsys.readouterr().out


def test_check_counts_what_it_holds(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "dags").mkdir()
    (root / "dags" / "one.py").write_text("BaseHook.get_connection('crm')\nVariable.get('region')\n")
    assert main(["env", "check"]) == 0
    (root / "airflow_settings.yaml").unlink()
    capsys.readouterr()
    assert main(["env", "check", "--json"]) == 1
    said = [one["problem"] for one in json.loads(capsys.readouterr().out)]
    assert [("'crm'" in one, "'region'" in one) for one in said] == [(True, False), (False, True)]


def test_a_wrong_file_is_a_problem(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "airflow_settings.yaml").write_text("connections: []\n")
    assert main(["env", "check"]) == 1
    assert "airflow_settings.yaml: missing section airflow" in capsys.readouterr().out
