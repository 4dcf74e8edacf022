"""Transfers and daily views on a real stack, by its scheduler."""

from __future__ import annotations

import json

import pytest
from tests.acceptance.stacks import Airflow, penstock

pytestmark = pytest.mark.timeout(300)


@pytest.mark.soak
def test_the_table_is_transferred_once_and_again_without_harm(gallery: Airflow) -> None:
    gallery.unpause("transfer_data_postgres")
    (first, *later) = gallery.ended_runs("transfer_data_postgres", 1, run_type="scheduled")
    assert (first["state"], later) == ("success", [])
    assert gallery.xcom(first, "transfer_data")["read"] == 6
    assert penstock(gallery.project, "diff", "source:product", "target:product").returncode == 0
    second = gallery.trigger("transfer_data_postgres")
    assert second["state"] == "success"
    account = gallery.xcom(second, "transfer_data")
    assert (account["read"], account["inserted"], account["updated"]) == (6, 0, 0)


@pytest.mark.soak
def test_catchup_goes_through_the_month_day_by_day(gallery: Airflow) -> None:
    dag = "daily_operations_view_update"
    gallery.unpause(dag)
    runs = gallery.ended_runs(dag, 2, run_type="scheduled")
    gallery.ask(f"dags/{dag}", {"is_paused": True}, "PATCH")
    assert [run["logical_date"][:13] for run in runs[:2]] == ["2013-02-01T12", "2013-02-02T12"]
    assert {run["state"] for run in runs[:2]} == {"success"}
    assert sum(run["state"] == "running" for run in runs) <= 1
    copies = json.loads(penstock(gallery.project, "ledger", "list", "--json").stdout)
    tables = [copy["target"].rpartition(".")[2] for copy in copies if "daily_operations" in copy["target"]]
    assert {"guest_attendance", "inventory", "item_sales", "labor"} <= set(tables)
