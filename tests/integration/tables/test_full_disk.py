"""A target whose disk is full: a clear error, and nothing of the copy remains."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.databases import Query
from tests.small_disk import small_disk

import penstock
from penstock.model.errors import TargetError
from penstock.model.plan import Mode
from penstock.postgres.relay import source_table


@pytest.fixture(autouse=True)
def rows(here: Query) -> None:
    here("CREATE TABLE t (id int PRIMARY KEY, v text)")
    here("INSERT INTO t SELECT n, repeat('x', 200) FROM generate_series(1, 40000) AS n")


@pytest.fixture
def small(there: Query) -> Iterator[str]:
    """A tablespace on a file system of 4 MB, where this database's new tables go."""
    (database,) = there("SELECT current_database()")[0]
    name = f"small_{database}"
    with small_disk(there) as disk:
        there(f"CREATE TABLESPACE {name} LOCATION '{disk}'")
        there(f"ALTER DATABASE {database} SET default_tablespace = {name}")
        yield name
        there("DROP TABLE IF EXISTS t")
        there(f"ALTER DATABASE {database} RESET default_tablespace")
        there(f"DROP TABLESPACE {name}")


@pytest.mark.parametrize("pages", [source_table.PART_PAGES, 32], ids=["at once", "in parts"])
def test_of_a_new_table(there: Query, small: str, pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_table, "PART_PAGES", pages)
    with pytest.raises(TargetError, match="No space left") as caught:
        penstock.copy("source:t", "warehouse:t")
    assert "free disk space" in (caught.value.hint or "")
    assert there("SELECT relname::text FROM pg_class WHERE relname = 't' OR relname LIKE 'penstock%%'") == []


@pytest.mark.parametrize("mode", ["append", "merge", "replace"])
def test_of_a_table_with_rows(there: Query, small: str, mode: Mode) -> None:
    there(f"CREATE TABLE t (id int PRIMARY KEY, v text) TABLESPACE {small}")
    there("INSERT INTO t VALUES (-1, 'before')")
    with pytest.raises(TargetError, match="No space left"):
        penstock.copy("source:t", "warehouse:t", mode=mode)
    assert there("SELECT * FROM t") == [(-1, "before")]
    assert there("SELECT to_regclass('penstock_ledger.copies') IS NULL") == [(True,)]
