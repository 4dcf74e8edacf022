from __future__ import annotations

from pathlib import Path

import pytest

from penstock.environments.demands import asked_in, demands
from penstock.environments.provision import Missing, provision
from penstock.environments.templates import asked_in_templates


def asked(text: str) -> set[tuple[str, str | None]]:
    return {(one.kind, one.name) for one in asked_in(text, "dag.py") if not one.optional}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("CopyOperator(source='lake:a/b.csv', target='dwh:raw.sales')", {"lake", "dwh"}),
        ("CopyOperator(source='/data/x.csv', target='dwh:raw.sales')", {"dwh"}),
        ("CopyOperator(source='s3://bucket/x.csv', target='https://x')", set()),
        ("CopyOperator(source=f'{ROOT}/x.csv', target=f'dwh:raw.{table}')", {None, "dwh"}),
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


def test_what_an_environment_lacks(root: Path) -> None:
    lacking = provision(root, "base", demands(root))
    assert lacking.missing == (
        Missing("connection", "dwh", ("dags/a/dag.py:2",)),
        Missing("variable", "region", ("dags/a/view.sql:2",)),
    )
    assert not lacking.complete
    assert provision(root, "base", demands(root), elsewhere={"dwh", "region"}).complete
    assert [one.name for one in provision(root, "prod", demands(root)).missing] == ["region"]


def test_an_environment_that_cannot_be_used(root: Path) -> None:
    write(root, "environments/odd.yaml", "connections:\n  dwh:\n    same_as: nowhere\n")
    found = provision(root, "odd", demands(root))
    assert found.problem is not None
    assert "environments/odd.yaml:3" in found.problem
    assert not found.complete
