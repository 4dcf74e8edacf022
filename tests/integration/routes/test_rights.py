"""A copy requires no privilege that it does not need."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.databases import Query

import penstock
from penstock.lookup.connections import find
from penstock.model.api import Limit
from penstock.model.errors import PenstockError


@pytest.fixture
def narrow(here: Query, there: Query, login: str) -> None:
    """The login may write to the existing schemas, but not create any."""
    here(f"CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); GRANT SELECT ON t TO {login}")
    there("CREATE SCHEMA penstock_ledger; CREATE SCHEMA raw")
    there(f"GRANT ALL ON SCHEMA penstock_ledger, raw TO {login}")


@pytest.mark.usefixtures("narrow")
def test_schemas_that_are_there_are_not_made(there: Query, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id\n1\n")
    assert penstock.copy(str(path), "warehouse:raw.of_file").loaded == 1
    assert penstock.copy("source:t", "warehouse:raw.of_table").loaded == 1
    assert penstock.copy("source:t", "warehouse:raw.of_table", cursor="xmin").read == 1
    assert penstock.copy("warehouse:raw.of_table", f"{tmp_path}/out/").loaded == 1
    assert there("SELECT count(*) FROM penstock_ledger.copies") == [(4,)]
    with pytest.raises(PenstockError, match="permission denied for database"):
        penstock.copy(str(path), "warehouse:other.t")


@pytest.mark.usefixtures("narrow")
def test_nor_for_limits_of_calls() -> None:
    from penstock.rest.ratelimit.postgres import PostgresPermits

    permits = PostgresPermits(find("warehouse"), "api", Limit(calls=1, per_s=1.0), 1.0)
    assert permits.take(1, []).slots == [0]
    permits.close()
