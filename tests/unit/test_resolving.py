"""The order in which names are found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from penstock import lookup
from penstock.environments import BadEnvironment, load
from penstock.environments.layer import SERVED
from penstock.lookup.connections import find
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, UsageError
from penstock.project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in [*os.environ]:
        if name.startswith(("PENSTOCK_", "AIRFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(
        lookup, "embedded", lambda name, project: at("embedded") if name in lookup.EMBEDDED else None
    )
    (tmp_path / "penstock.toml").touch()
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "base.yaml").write_text("connections:\n  none: null\n")
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def at(host: str) -> Connection:
    return Connection(name="warehouse", type="postgres", host=host)


def host(project: Project, name: str = "warehouse") -> str | None:
    with lookup.asking_next(lambda asked: at("vault") if asked == "warehouse" else None):
        found = lookup.find(name, project)
    return None if found is None else found.host


def test_who_comes_first_answers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lookup.find("warehouse", project) == at("embedded")
    assert host(project) == "vault"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://airflow")
    assert host(project) == "airflow"
    (project.root / "environments" / "base.yaml").write_text(
        "connections:\n  none: null\n  warehouse:\n    type: postgres\n    host: files\n"
    )
    assert host(project) == "files"
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", "postgres://penstock")
    assert host(project) == "penstock"
    assert find("warehouse").host == "penstock"


def test_what_is_excluded_is_looked_for_no_further(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NONE", "postgres://db")
    with pytest.raises(ConnectionFailed, match=r"environments/base\.yaml:2 excludes the connection 'none'"):
        lookup.find("none", project)


def test_variables(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = load(project.root)
    assert lookup.variable("region", environment) is None
    monkeypatch.setenv("AIRFLOW_VAR_REGION", "south")
    assert lookup.variable("region", environment) == "south"
    (project.root / "environments" / "base.yaml").write_text("variables:\n  region: north\n")
    assert lookup.variable("region", load(project.root)) == "south"
    monkeypatch.setenv("PENSTOCK_VAR_REGION", "east")
    assert lookup.variable("region", load(project.root)) == "east"
    assert lookup.find_variable("region", project) == "east"
    monkeypatch.delenv("PENSTOCK_VAR_REGION")
    monkeypatch.delenv("AIRFLOW_VAR_REGION")
    assert lookup.variable("region", load(project.root)) == "north"


def test_variables_that_another_environment_exported_override_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "environments" / "base.yaml").write_text("variables:\n  region: north\n")
    monkeypatch.setenv(lookup.EXPORTED, lookup.exported({"region": "south", "limit": "1"}))
    monkeypatch.setenv("AIRFLOW_VAR_REGION", "south")
    assert lookup.variable("region", load(project.root)) == "north"
    monkeypatch.setenv("AIRFLOW_VAR_REGION", "west")  # typed in between
    assert lookup.variable("region", load(project.root)) == "west"


def test_outside_a_project(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.setenv("AIRFLOW_CONN_DWH", "postgres://db")
    assert find("dwh").host == "db"
    with pytest.raises(ConnectionFailed, match="no connection 'nope'") as caught:
        find("nope")
    assert "PENSTOCK_CONN_NOPE" in str(caught.value.hint)


def test_a_variable_that_is_no_connection_is_not_shown(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_DWH", "hunter2")
    with pytest.raises(UsageError, match="PENSTOCK_CONN_DWH: invalid connection") as caught:
        find("dwh")
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


def test_a_link_leads_to_what_the_project_serves(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root / "environments" / "base.yaml").write_text(
        "connections:\n  market:\n    same_as: warehouse\n    login: reader\n  further:\n    same_as: market\n"
        "    extra: {sslmode: require}\n"
    )
    found = lookup.find("further", project)
    assert found is not None
    assert (found.name, found.type, found.host, found.login) == ("further", "postgres", "embedded", "reader")
    assert found.extra == {"sslmode": "require"}
    monkeypatch.setenv("PENSTOCK_CONN_WAREHOUSE", "postgres://elsewhere")
    assert host(project, "market") == "elsewhere"


def test_a_link_to_what_is_excluded_leads_nowhere(project: Project) -> None:
    (project.root / "environments" / "base.yaml").write_text(
        "connections:\n  warehouse: null\n  market:\n    same_as: warehouse\n"
    )
    with pytest.raises(
        BadEnvironment, match=r"base\.yaml:4: same_as of connection 'market' names an unknown"
    ):
        lookup.find("market", project)


def test_links_know_every_server_of_the_project() -> None:
    assert {*lookup.EMBEDDED} <= SERVED


SETTINGS = """
airflow:
  connections:
    - {conn_id: crm, conn_type: http, conn_host: https://crm.example.com}
    - {conn_id: warehouse, conn_type: postgres, conn_host: settings}
  variables:
    - {variable_name: region, variable_value: eu}
"""


def test_airflow_settings_come_after_all_that_is_written_elsewhere(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "airflow_settings.yaml").write_text(SETTINGS)
    found = lookup.find("crm", project)
    assert found is not None
    assert (found.type, found.host) == ("http", "https://crm.example.com")
    assert host(project) == "settings"  # before the vault and the embedded server
    assert lookup.variable("region", load(project.root), project) == "eu"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://airflow")
    monkeypatch.setenv("AIRFLOW_VAR_REGION", "us")
    assert host(project) == "airflow"
    assert lookup.variable("region", load(project.root), project) == "us"
    monkeypatch.delenv("AIRFLOW_VAR_REGION")
    (project.root / "environments" / "base.yaml").write_text("variables: {region: asia}\n")
    assert lookup.variable("region", load(project.root), project) == "asia"


def test_airflow_settings_are_for_the_default_environment(project: Project) -> None:
    (project.root / "airflow_settings.yaml").write_text(SETTINGS)
    (project.root / "environments" / "prod.yaml").write_text("inherits: base\n")
    assert lookup.find("crm", project, "prod") is None
    assert lookup.variable("region", load(project.root, "prod"), project) is None
    assert lookup.find("crm", project, "base") is not None


def test_airflow_settings_are_read_again_when_they_change(project: Project) -> None:
    path = project.root / "airflow_settings.yaml"
    path.write_text(SETTINGS)
    assert host(project) == "settings"
    path.write_text(SETTINGS.replace("conn_host: settings", "conn_host: changed"))
    assert host(project) == "changed"
    path.write_text("airflow: [")
    with pytest.raises(UsageError, match=r"airflow_settings\.yaml"):
        host(project)


def test_variables_are_asked_for_where_connections_are(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(name: str) -> str | None:
        return "vault" if name == "limit" else None

    with lookup.asking_next(lambda _: None, ask):
        assert lookup.find_variable("limit", project) == "vault"
        assert lookup.find_variable("other", project) is None
        monkeypatch.setenv("AIRFLOW_VAR_LIMIT", "airflow")
        assert lookup.find_variable("limit", project) == "airflow"
    monkeypatch.delenv("AIRFLOW_VAR_LIMIT")
    assert lookup.find_variable("limit", project) is None
