"""`penstock env import`, `export` and `exec`, through the command."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands import forked

from penstock.cli.main import main
from penstock.devtools.process_env import process_environment
from penstock.environments import load
from penstock.environments.formats.bundle import Bundle
from penstock.environments.import_files import give_out, take_in
from penstock.model.connection import Connection, Secret
from penstock.project import Project

PASSWORD = "hÜ nter2'\"@:/%$#"
WAREHOUSE = Connection(
    name="warehouse",
    type="postgres",
    host="db.example.org",
    port=5433,
    login="etl",
    password=Secret(PASSWORD),
    database="sales",
    extra={"sslmode": "require", "keyfile_dict": '{"private_key": "abc"}'},
)
SETTINGS = {
    "airflow": {
        "connections": [
            {
                "conn_id": "warehouse",
                "conn_type": "postgres",
                "conn_host": "db.example.org",
                "conn_port": 5433,
                "conn_login": "etl",
                "conn_password": PASSWORD,
                "conn_schema": "sales",
                "conn_extra": {"sslmode": "require", "keyfile_dict": {"private_key": "abc"}},
            }
        ],
        "pools": [{"pool_name": "small", "pool_slot": 2}],
        "variables": [
            {"variable_name": "region", "variable_value": "north"},
            {"variable_name": "POLYGON_ID", "variable_value": PASSWORD},
        ],
    }
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [*os.environ]:
        if name.startswith(("PENSTOCK_", "AIRFLOW_", "PG")):
            monkeypatch.delenv(name)
    (tmp_path / "penstock.toml").write_text('[project]\nenvironment = "dev"\n')
    (tmp_path / "airflow_settings.yaml").write_text(json.dumps(SETTINGS))  # JSON is YAML
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_import_encrypts_and_says_nothing_secret(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported = [
        "env",
        "import",
        "airflow_settings.yaml",
        "--format",
        "airflow-settings",
        "--secret",
        "POLYGON_ID",
    ]
    assert main(imported) == 0
    written = (root / "environments" / "dev.yaml").read_text()
    out = capsys.readouterr().out
    for secret in (PASSWORD, "abc"):
        assert secret not in written
        assert secret not in out
    assert "pool small" in out
    assert "secrets encrypted: 3" in out
    environment = load(root)
    assert environment.connection("warehouse") == WAREHOUSE
    assert environment.variable("POLYGON_ID") == PASSWORD
    assert main(imported) == 0
    assert "0 written, 3 unchanged" in capsys.readouterr().out
    assert (root / "environments" / "dev.yaml").read_text() == written


def test_import_replaces_the_whole_connection(root: Path) -> None:
    (root / "environments").mkdir()
    (root / "environments" / "base.yaml").write_text(
        "connections:\n  warehouse:\n    type: postgres\n    host: old\n    extra:\n      options: -c x=y\n"
        "  other:\n    type: http\n"
    )
    (root / "environments" / "dev.yaml").write_text(
        "inherits: base\nconnections:\n  warehouse:\n    schema: old  # mine\n  linked:\n    same_as: other\n"
    )
    linked = Connection(name="linked", type="http", host="https://api.example.org")
    take_in(root, "dev", Bundle(connections=(WAREHOUSE, linked)))
    environment = load(root)
    assert environment.connection("warehouse") == WAREHOUSE
    assert environment.connection("linked") == linked
    assert "# mine" in (root / "environments" / "dev.yaml").read_text()


def test_remarks_of_an_empty_file_stay(root: Path) -> None:
    (root / "environments").mkdir()
    (root / "environments" / "dev.yaml").write_text("# mine")
    take_in(root, "dev", Bundle(variables={"region": "north"}))
    assert (root / "environments" / "dev.yaml").read_text() == "# mine\nvariables:\n  region: north\n"


def test_a_text_that_looks_encrypted_is_a_text(root: Path) -> None:
    take_in(root, "dev", Bundle(variables={"odd": "enc:00000000:x"}))
    assert load(root).variable("odd") == "enc:00000000:x"


def test_import_writes_all_or_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "a.env").write_text(f"AIRFLOW_VAR_REGION=north\nAIRFLOW_CONN_X={PASSWORD}\n")
    assert main(["env", "import", "a.env"]) == 2
    (root / "b.json").write_text('{"good": {"conn_type": "http"}, "bad name": {"conn_type": "http"}}')
    assert main(["env", "import", "b.json"]) == 1
    assert PASSWORD not in "".join(capsys.readouterr())
    assert not (root / "environments").exists()


@pytest.mark.parametrize("form", ["env", "json", "airflow-settings", "dbt"])
def test_export_masks_unless_asked(root: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    take_in(root, "dev", Bundle(connections=(WAREHOUSE,), variables={"api_token": PASSWORD}))
    assert main(["env", "export", "--format", form, "--to", "masked"]) == 0
    (root / ".penstock" / "key").rename(root / "key")  # masking needs no key
    assert main(["env", "export", "--format", form]) == 0
    assert capsys.readouterr().out.startswith("masked: 1 connection, 1 variable, secrets masked\n")
    (root / "key").rename(root / ".penstock" / "key")
    masked = (root / "masked").read_text()
    assert "***" in masked
    assert "hÜ" not in masked
    assert "abc" not in masked
    assert main(["env", "export", "--format", form, "--reveal", "--to", "shown"]) == 0
    for name in ("masked", "shown"):
        assert stat.S_IMODE((root / name).stat().st_mode) == 0o600
    assert main(["env", "import", "shown", "--format", form, "--into", "again"]) == 0
    again = load(root, "again").connection("warehouse")
    assert again is not None
    assert again.password == WAREHOUSE.password


def test_give_out_is_what_was_taken_in(root: Path) -> None:
    bundle = Bundle(connections=(WAREHOUSE,), variables={"api_token": PASSWORD, "region": "north"})
    take_in(root, "dev", bundle)
    assert give_out(load(root), reveal=True) == bundle


def run_exec(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [forked(), "env", "exec", *words],
        cwd=root,
        env={**os.environ, "PGUSER": "somebody", "AIRFLOW_VAR_REGION": "south"},
        capture_output=True,
        text=True,
    )


def test_exec_gives_variables_and_no_arguments(root: Path) -> None:
    take_in(root, "prod", Bundle(connections=(WAREHOUSE,), variables={"region": "north", "tier": "gold"}))
    show = "import json, os, sys; print(json.dumps([sys.argv, dict(os.environ)]))"
    done = run_exec(root, "prod", "--", sys.executable, "-c", show, "--flag", "--", "x")
    assert done.returncode == 0, done.stderr
    arguments, variables = json.loads(done.stdout)
    assert arguments == ["-c", "--flag", "--", "x"]
    assert json.loads(variables["AIRFLOW_CONN_WAREHOUSE"])["password"] == PASSWORD
    assert variables["AIRFLOW_VAR_REGION"] == "south"  # the shell's own
    assert variables["AIRFLOW_VAR_TIER"] == "gold"
    assert variables["PENSTOCK_ENV"] == "prod"
    assert {name: value for name, value in variables.items() if name.startswith("PG")} == {
        "PGHOST": "db.example.org",
        "PGPORT": "5433",
        "PGUSER": "etl",
        "PGPASSWORD": PASSWORD,
        "PGDATABASE": "sales",
        "PGSSLMODE": "require",
    }
    assert variables["PENSTOCK_DBT_PASSWORD"] == PASSWORD


def test_exec_hands_on_the_exit_code(root: Path) -> None:
    take_in(root, "prod", Bundle(connections=(WAREHOUSE,)))
    assert run_exec(root, "prod", "--", "sh", "-c", "exit 7").returncode == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prod"], "no command given"),
        (["prod", "--"], "no command given"),
        (["prod", "--", "no-such-program"], "program 'no-such-program' not found"),
        (["nope", "--", "true"], "unknown environment 'nope'"),
        (["prod", "--pg", "api", "--", "true"], "connection 'api' has the type http"),
        (["prod", "--pg", "nope", "--", "true"], "unknown connection 'nope'"),
    ],
)
def test_exec_refuses(root: Path, words: list[str], message: str) -> None:
    take_in(root, "prod", Bundle(connections=(WAREHOUSE, Connection(name="api", type="http"))))
    done = run_exec(root, *words)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_one_environment_within_another(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(root, "dev", Bundle(variables={"region": "north"}, connections=(WAREHOUSE,)))
    take_in(root, "prod", Bundle(variables={"region": "south"}, connections=(WAREHOUSE,)))
    for name, value in process_environment(Project(root), "dev", None).items():
        monkeypatch.setenv(name, value)
    inner = process_environment(Project(root), "prod", None)
    assert (inner["AIRFLOW_VAR_REGION"], inner["PENSTOCK_ENV"]) == ("south", "prod")
