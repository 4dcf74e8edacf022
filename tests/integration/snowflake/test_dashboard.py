"""The same DAG against Snowflake: the environment's connection decides, and nothing in the code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import RUN_DIR, make_project
from tests.databases import uri
from tests.integration.gallery.conftest import RunDag, gallery, run_dag
from tests.integration.objects.conftest import as_json

from penstock.model.connection import Connection
from penstock.stack.rclone import folder
from penstock_sandbox.operations import COLUMNS, rows

__all__ = ["gallery", "run_dag"]

Query = Callable[..., list[tuple[Any, ...]]]
DAY = "2013-02-24"  # a Sunday, and no other test's


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_day(
    snow: Query,
    gallery: Path,
    run_dag: RunDag,
    warehouse: Connection,
    objects: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_S3_CONN", as_json(objects))
    monkeypatch.setenv("PENSTOCK_CONN_POSTGRES_MARKET_CONN", uri(warehouse))
    monkeypatch.setenv("PENSTOCK_CONN_SNOWFLAKE_CONN", os.environ["PENSTOCK_CONN_SNOW"])
    buckets = folder(make_project(Path(os.environ[RUN_DIR], "shared")))
    snow("CREATE SCHEMA DAILY_OPERATIONS")
    snow(f"CREATE STAGE DAILY_OPERATIONS.S3_STAGE URL = 'file://{buckets}/replication-bucket/'")

    ends = run_dag("advanced_daily_dashboard_refresh", "--date", DAY)

    assert {end["state"] for end in ends if end["task"].endswith("s3_to_snowflake")} == {"success"}
    for table in COLUMNS:
        expected = sum(str(row[0]) == DAY for row in rows(table))
        assert snow(f"SELECT count(*) FROM DASHBOARD_OPERATIONS.{table.upper()}") == [(expected,)]
