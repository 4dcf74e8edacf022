"""A mirror is equal to its source, or fails and says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.databases import Query

import penstock
from penstock.model.errors import ContractError, UsageError

TABLE = "CREATE TABLE t (id int PRIMARY KEY, name text{collation}, price int)"
TOUCH = """
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := upper(NEW.name); RETURN NEW; END';
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
"""


def mirror(source: str = "source:t", **options: bool) -> penstock.CopyResult:
    return penstock.copy(source, "warehouse:t", mode="mirror", **options)  # type: ignore[arg-type]


def same(here: Query, there: Query) -> bool:
    return here("SELECT * FROM t ORDER BY 1") == there("SELECT * FROM t ORDER BY 1")


@pytest.fixture(autouse=True)
def table(here: Query) -> None:
    here(TABLE.format(collation=""))
    here("INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")


def test_a_trigger_is_named_and_can_be_held(here: Query, there: Query) -> None:
    mirror()
    there(TOUCH)
    there("ALTER TABLE t ENABLE ALWAYS TRIGGER touch")
    here("UPDATE t SET name = 'x' WHERE id = 1")
    with pytest.raises(ContractError, match="1 row changed in name; the target has trigger touch") as refusal:
        mirror()
    assert "--skip-triggers" in str(refusal.value.hint)
    assert there("SELECT name FROM t WHERE id = 1") == [("a",)]
    assert mirror(skip_triggers=True).updated == 1
    assert same(here, there)
    assert there("SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'touch'") == [("A",)]
    assert mirror().unchanged == 3


def test_a_trigger_on_the_way_through_the_stage(here: Query, there: Query) -> None:
    there("CREATE TABLE t (id int PRIMARY KEY, name text, price numeric)")
    there(TOUCH)
    here("ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ALTER price TYPE text")
    with pytest.raises(ContractError, match="3 rows changed; the target has trigger touch"):
        penstock.copy("source:t", "warehouse:t", mode="mirror", key="id")
    assert penstock.copy("source:t", "warehouse:t", mode="mirror", key="id", skip_triggers=True).inserted == 3


def test_a_trigger_that_swallows_deletions(here: Query, there: Query) -> None:
    mirror()
    there("CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    there("CREATE TRIGGER keep BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION keep()")
    here("DELETE FROM t WHERE id = 1")
    with pytest.raises(ContractError, match="1 row extra; the target has trigger keep"):
        mirror()


def test_a_generated_column(here: Query, there: Query) -> None:
    here("ALTER TABLE t ADD twice int GENERATED ALWAYS AS (price * 2) STORED")
    there(TABLE.format(collation=""))
    there("ALTER TABLE t ADD twice int GENERATED ALWAYS AS (price * 3) STORED")
    with pytest.raises(ContractError, match="3 rows changed in twice; the target has generated column twice"):
        mirror()
    there("ALTER TABLE t DROP twice; ALTER TABLE t ADD twice int GENERATED ALWAYS AS (price * 2) STORED")
    assert mirror().inserted == 3
    assert mirror().unchanged == 3


def test_a_cascade_outside_of_the_order(here: Query, there: Query) -> None:
    here(
        "CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY); CREATE TABLE s.b (id int PRIMARY KEY, a int)"
    )
    here("INSERT INTO s.a VALUES (1), (2); INSERT INTO s.b VALUES (1, 1), (2, 2)")
    penstock.copy_all("source:s", "warehouse:s")
    there("ALTER TABLE s.b ADD FOREIGN KEY (a) REFERENCES s.a ON DELETE CASCADE")
    here("DELETE FROM s.a WHERE id = 2; UPDATE s.b SET a = 1")
    penstock.copy_all("source:s", "warehouse:s", mode="mirror")
    assert there("SELECT * FROM s.b ORDER BY 1") == [(1, 1), (2, 1)]


def test_triggers_of_files(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id\n1\n")
    with pytest.raises(UsageError, match="--skip-triggers applies from table to table"):
        penstock.copy(str(tmp_path / "t.csv"), "warehouse:t", skip_triggers=True)


def test_a_filter_covers_its_rows_only(here: Query, there: Query, tmp_path: Path) -> None:
    mirror()
    there("INSERT INTO t VALUES (8, 'a', 8), (9, 'z', 9)")
    here("UPDATE t SET price = 10")
    result = penstock.copy("source:t", "warehouse:t", mode="mirror", filter_column="name", filter_value="a")
    assert (result.read, result.updated, result.deleted) == (1, 1, 1)
    assert there("SELECT id, price FROM t ORDER BY 1") == [(1, 10), (2, 2), (3, 3), (9, 9)]
    with pytest.raises(ContractError, match="needs the filter's column name"):
        penstock.copy(
            "source:t",
            "warehouse:t",
            mode="mirror",
            filter_column="name",
            filter_value="a",
            columns="id,price",
            fill_missing=True,
        )
    (tmp_path / "t.csv").write_text("id,name,price\n1,a,1\n")
    with pytest.raises(UsageError, match="would delete the other rows"):
        penstock.copy(
            str(tmp_path / "t.csv"), "warehouse:t", mode="mirror", filter_column="name", filter_value="a"
        )
    assert there("SELECT count(*) FROM t") == [(4,)]
