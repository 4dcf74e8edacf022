"""`penstock dbt` and `penstock airflow`: programs of their own, with the project's settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.running.conftest import Shop

from penstock.environments.formats.bundle import Bundle
from penstock.environments.import_files import take_in
from penstock.model.connection import Connection
from penstock.postgres.connect import connect

PROFILES = """
shop:
  target: warehouse
  outputs:
    warehouse:
      type: postgres
      host: "{{ env_var('PENSTOCK_DBT_HOST') }}"
      port: "{{ env_var('PENSTOCK_DBT_PORT') | int }}"
      user: "{{ env_var('PENSTOCK_DBT_USER') }}"
      password: "{{ env_var('PENSTOCK_DBT_PASSWORD') }}"
      dbname: "{{ env_var('PENSTOCK_DBT_DATABASE') }}"
      sslmode: disable
      schema: marts
"""
FILES = {
    "dbt_project.yml": "name: shop\nprofile: shop\nversion: 1.0.0\nflags:\n  send_anonymous_usage_stats: false\n",
    "profiles.yml": PROFILES,
    "models/pens.sql": "select 7 as pen",
    "models/broken.sql": "{{ config(materialized='table') }} select 1 / 0 as pen",
}


@pytest.fixture
def models(shop: Shop) -> Path:
    folder = shop.root / "dbt"
    (folder / "models").mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def test_dbt_builds_in_the_warehouse_of_the_environment_asked_for(
    shop: Shop, models: Path, make_database: Callable[[str], Connection]
) -> None:
    database = replace(make_database("warehouse"), extra={"sslmode": "disable"})
    take_in(shop.root, "prod", Bundle(connections=(database,)))
    done = shop.command("--env", "prod", "dbt", "--quiet", "run", "--select", "pens")
    assert done.returncode == 0, done.stdout + done.stderr
    with connect(database) as session:
        assert session.execute("select pen from marts.pens").fetchall() == [{"pen": 7}]
    failed = shop.command("--env", "prod", "dbt", "run", "--select", "broken")
    assert (failed.returncode, "division by zero" in failed.stdout) == (1, True)
    assert not (models / "target").exists()  # what dbt writes lies with the rest of the state
    assert not (models / "logs").exists()


def test_airflows_commands_need_its_database_and_say_so(shop: Shop) -> None:
    done = shop.command("airflow", "dags", "list")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: the stack is not running, and neither is Airflow's database",
        "hint: penstock start; penstock run and penstock parse need no stack",
    ]


def test_dbt_without_models_says_where_they_belong(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").touch()
    done = shop.command("dbt", "build", PENSTOCK_PROJECT=str(tmp_path))
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        f"error: the project has no {tmp_path / 'dbt'}",
    )
