from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.environments import load
from penstock.environments.dag_references import asked_in, asked_in_plan, asked_in_templates, demands
from penstock.environments.missing_names import lacking


def asked(text: str) -> set[tuple[str, str | None]]:
    return {(one.kind, one.name) for one in asked_in(text, "dag.py") if not one.optional}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("CopyOperator(source='lake:a/b.csv', target='dwh:raw.sales')", {"dwh"}),
        ("CopyOperator(source='/data/x.csv', target='dwh:raw.sales')", {"dwh"}),
        ("CopyOperator(source='s3://bucket/x.csv', target='https://x')", set()),
        ("CopyOperator(source=f'{ROOT}/x.csv', target=f'dwh:raw.{table}')", {"dwh"}),
        ("CopyOperator(source=f'{where}:x.y', target=f'{which()}')", {None}),
        ("W = 'dwh'\nCopyOperator(source='a.csv', target=f'{W}:raw.sales')", {"dwh"}),
        ("penstock.copy('shop:public.product', 'dwh:raw.product')", {"shop", "dwh"}),
        ("SQLExecuteQueryOperator(conn_id='dwh')", {"dwh"}),
        ("W = 'dwh'\nX(postgres_conn_id=W)", {"dwh"}),
        ("X(aws_conn_id=None)", set()),
        ("X(aws_conn_id=which())", {None}),
        ("default_args = {'postgres_conn_id': 'dwh', 'retries': 3}", {"dwh"}),
        ("BaseHook.get_connection('dwh')", {"dwh"}),
        ("Connection.get('dwh')", {"dwh"}),
        ("PostgresHook('dwh')", {"dwh"}),
        ("dbt_task_group('dbt', x, target='dwh')", {"dwh"}),
        ("X(bash_command='echo {{ conn.dwh.host }} {{ conn.get(\"lake\").host }}')", {"dwh", "lake"}),
        ("this is not python", set()),
        ("W: str = 'dwh'\nT = f'{W}:raw.t'\nCopyOperator(source='a.csv', target=T)", {"dwh"}),
        ("W = 'dwh'\nT = W + ':raw.t'\nCopyOperator(source='a.csv', target=T)", {"dwh"}),
        ("T = ['crm:public.a', 'b.csv']\nfor t in T: penstock.copy(t, 'dwh:raw.t')", {"crm", "dwh", None}),
        ("T = {'a': 'crm:public.a'}\nprint(T)", set()),
        ("penstock.diff('crm:public.a', 'dwh:raw.a')", {"crm", "dwh"}),
        ("penstock.connect('crm')", {"crm"}),
        ("socket.connect('crm')", set()),
    ],
)
def test_connections_that_a_dag_asks_for(text: str, names: set[str | None]) -> None:
    assert asked(text) == {("connection", name) for name in names}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Variable.get('region')", {"region"}),
        ("Variable.get(key='region')", {"region"}),
        ("Variable.get('region', 'north')", set()),
        ("Variable.get('region', default=None)", set()),
        ("Variable.get('region', default_var=None)", set()),
        ("X(sql='{{ var.value.region }} {{ var.json.limits.high }}')", {"region", "limits"}),
        ("X(sql=\"{% if var.value.get('region') %}\")", {"region"}),
        ("X(sql=\"{{ var.value.get('region', 'north') }}\")", set()),
        ("'var.value.region without a template'", set()),
        ("'{{ my_var.value.region }}'", set()),
    ],
)
def test_variables_that_a_dag_asks_for(text: str, names: set[str]) -> None:
    assert asked(text) == {("variable", name) for name in names}


def test_lines_of_templates() -> None:
    assert next(iter(asked_in_templates("a\nb {{\nvar.value.x }}")))[2] == 2


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PENSTOCK_ENV", raising=False)
    write(tmp_path, "penstock.toml", "")
    write(tmp_path, "dags/a/dag.py", "CopyOperator(source='shop:p.x',\n target='dwh:raw.x')\n")
    write(tmp_path, "dags/a/view.sql", "select 1\nwhere region = '{{ var.value.region }}'\n")
    write(tmp_path, "environments/base.yaml", "connections:\n  shop:\n    type: postgres\n    host: db\n")
    write(tmp_path, "environments/prod.yaml", "inherits: base\nconnections:\n  dwh:\n    same_as: shop\n")
    return tmp_path


def test_demands_name_file_and_line(root: Path) -> None:
    assert [(one.name, str(one)) for one in demands(root)] == [
        ("dwh", "dags/a/dag.py:2"),
        ("shop", "dags/a/dag.py:1"),
        ("region", "dags/a/view.sql:2"),
    ]


def lacks(root: Path, name: str, *elsewhere: str) -> list[str]:
    return [one.message for one in lacking(load(root, name), demands(root), elsewhere)]


def test_what_an_environment_lacks(root: Path) -> None:
    assert lacks(root, "base") == [
        "environment 'base' has no connection 'dwh', used in dags/a/dag.py:2",
        "environment 'base' has no variable 'region', used in dags/a/view.sql:2",
    ]
    assert lacks(root, "base", "dwh", "region") == []
    assert [text.split(",")[0] for text in lacks(root, "prod")] == [
        "environment 'prod' has no variable 'region'"
    ]


def run(*words: str) -> int:
    return main(["env", "check", *words])


def test_check_through_the_command(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_PROJECT", str(root))
    write(root, "penstock.toml", '[project]\nenvironment = "prod"\n')
    write(root, "environments/base.yaml", "connections:\n  shop:\n    type: generic\n")
    assert run() == 1
    assert "'region'" in capsys.readouterr().out
    assert run("--json") == 1
    (problem,) = json.loads(capsys.readouterr().out)
    assert problem["environment"] == "prod"
    assert problem["hint"] == "penstock variable set region --env prod"
    assert run("base", "--elsewhere", "region") == 1
    assert run("--elsewhere", "region") == 0
    assert "nothing wrong; names that the DAGs use: 3" in capsys.readouterr().out


def test_embedded_servers_count_for_the_default_environment_only(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_PROJECT", str(root))
    monkeypatch.setenv("PENSTOCK_ENV", "prod")
    shutil.rmtree(root / "dags")
    write(root, "dags/dag.py", "CopyOperator(source='source:p.x', target=f'warehouse:{t}', conn_id=some())")
    for name in ("dev", "prod"):
        write(root, f"environments/{name}.yaml", "variables:\n  region: north\n")
    write(root, "penstock.toml", '[project]\nenvironment = "dev"\n')
    assert run("dev") == 0
    assert (
        "note: dags/dag.py:1 uses a connection whose name is only known when it runs"
        in capsys.readouterr().out
    )
    assert run("prod") == 1
    assert "has no connection 'warehouse'" in capsys.readouterr().out
    shutil.rmtree(root / "environments")
    write(root, "penstock.toml", "")
    monkeypatch.delenv("PENSTOCK_ENV")
    assert run() == 0


def test_an_environment_that_cannot_be_read_is_told_once(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_PROJECT", str(root))
    write(root, "environments/base.yaml", "connections:\n  dwh: [\n")
    assert run() == 1
    assert capsys.readouterr().out.count("environments/base.yaml:3") == 1


def test_a_deployment_that_leads_to_the_projects_own_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "penstock.toml", '[project]\nenvironment = "dev"\n')
    write(tmp_path, "environments/dev.yaml", "connections:\n  market:\n    same_as: warehouse\n")
    write(tmp_path, "environments/prod.yaml", "inherits: dev\n")
    monkeypatch.chdir(tmp_path)
    assert main(["env", "check", "dev"]) == 0
    assert main(["env", "check", "prod"]) == 1
    assert "connection 'market' links to this project's own 'warehouse'" in capsys.readouterr().out
    assert main(["env", "check", "prod", "--elsewhere", "market"]) == 0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("source: weather:/data\nlimit: {calls: 60, per_s: 60, shared: dwh}\n", {"weather", "dwh"}),
        ("source: weather:/data\nauth: {query: k, variable: api_key}\n", {"weather", "api_key"}),
        ("source: weather:/data\neach: {query: select 1, connection: shop}\n", {"weather", "shop"}),
        ("source: sales.csv\ntarget: dwh:raw.sales\n", {"dwh"}),
        ("source: lake:weather\ntarget: s3://bucket/x/\n", set()),
        ("services:\n  db: {image: 'postgres:17'}\n", set()),
        ("- a\n- b:c\n", set()),
        ("a: [", set()),
        ("", set()),
    ],
)
def test_names_that_a_plan_asks_for(text: str, names: set[str]) -> None:
    assert {one.name for one in asked_in_plan(text, "plan.yaml")} == names


def test_the_check_finds_what_plans_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "penstock.toml").write_text("")
    (tmp_path / "dags").mkdir()
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text("variables: {region: eu}\n")
    (tmp_path / "dags" / "weather.yaml").write_text("# hourly\nsource: weather:/data\n")
    monkeypatch.chdir(tmp_path)
    assert main(["env", "check", "prod", "--no-secrets"]) == 1
    assert "has no connection 'weather', used in dags/weather.yaml:2" in capsys.readouterr().out
