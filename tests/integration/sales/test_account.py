"""The account of the sales file, reason by reason, against what its generator knows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.databases import Query
from tests.integration.sales.conftest import copy_sales

from penstock_sandbox.sales import write_sales


@pytest.mark.parametrize("seed", [1, 201302])
def test_every_row_is_where_the_generator_says(
    gallery: Path, query: Query, tmp_path: Path, seed: int
) -> None:
    query((gallery / "dags" / "sales" / "create_raw_sales.sql").read_text())
    truth = write_sales(tmp_path / "sales.csv", rows=20_000, seed=seed)
    result = copy_sales(tmp_path / "sales.csv")
    assert (result.read, result.loaded, result.duplicates, result.rejected) == (
        truth.rows,
        truth.loaded,
        truth.duplicates,
        truth.rejected,
    )
    assert result.rejects == truth.rejects
    assert query("SELECT count(*), sum(quantity), sum(price) FROM raw.sales") == [
        (truth.loaded, truth.quantity, Decimal(truth.revenue))
    ]
    again = copy_sales(tmp_path / "sales.csv")
    assert again.already
