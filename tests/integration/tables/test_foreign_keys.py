"""Foreign keys at the target: any state that is valid at the source is reached."""

from __future__ import annotations

import pytest
from tests.databases import Query

import penstock
from penstock.model.connection import Connection
from penstock.model.errors import ContractError, TargetError
from penstock.model.plan import Mode

SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int PRIMARY KEY, email text UNIQUE);
CREATE TABLE shop.sale (id int PRIMARY KEY, customer int NOT NULL REFERENCES shop.customer {action});
INSERT INTO shop.customer VALUES (1, 'a'), (2, 'b'), (3, 'c');
INSERT INTO shop.sale VALUES (1, 1), (2, 2), (3, 3);
"""
CIRCLE = """
CREATE SCHEMA shop;
CREATE TABLE shop.a (id int PRIMARY KEY, b int);
CREATE TABLE shop.b (id int PRIMARY KEY, a int REFERENCES shop.a);
ALTER TABLE shop.a ADD FOREIGN KEY (b) REFERENCES shop.b;
INSERT INTO shop.a VALUES (1, NULL);
INSERT INTO shop.b VALUES (1, 1);
UPDATE shop.a SET b = 1;
"""
ACTIONS = ["", "ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE RESTRICT", "DEFERRABLE"]
KEYS = "SELECT conname::text, confdeltype::text FROM pg_constraint WHERE contype = 'f' ORDER BY 1"


def copy_all(mode: Mode = "append") -> penstock.CopyResult:
    return penstock.copy_all("source:shop", "warehouse:shop", mode=mode).total


def same(here: Query, there: Query, *tables: str) -> bool:
    return all(
        here(f"SELECT * FROM shop.{table} ORDER BY 1") == there(f"SELECT * FROM shop.{table} ORDER BY 1")
        for table in tables
    )


@pytest.mark.parametrize("mode", ["mirror", "replace"])
def test_rows_that_go_with_their_parents_are_counted(here: Query, there: Query, mode: Mode) -> None:
    here(SHOP.format(action="ON DELETE CASCADE"))
    copy_all()
    here("DELETE FROM shop.customer WHERE id > 1")
    result = penstock.copy_all("source:shop", "warehouse:shop", mode=mode)
    assert {name: table.deleted for name, table in result.tables.items()} == {"customer": 2, "sale": 2}
    assert same(here, there, "customer", "sale")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("mode", ["mirror", "replace"])
def test_deleted_and_exchanged_parents(here: Query, there: Query, mode: Mode, action: str) -> None:
    here(SHOP.format(action=action))
    copy_all()
    here("DELETE FROM shop.sale WHERE id = 2")
    here("UPDATE shop.sale SET customer = 1 WHERE id = 3")
    here("DELETE FROM shop.customer WHERE id IN (2, 3)")
    here("INSERT INTO shop.customer VALUES (4, 'c')")
    here("INSERT INTO shop.sale VALUES (4, 4)")
    result = copy_all(mode)
    assert not result.rejected
    assert same(here, there, "customer", "sale")
    assert there(KEYS) == here(KEYS)
    assert copy_all(mode).updated == 0


@pytest.mark.parametrize("mode", ["append", "merge", "replace", "mirror"])
def test_new_rows_in_a_circle(here: Query, there: Query, mode: Mode) -> None:
    here(CIRCLE)
    copy_all()
    here("BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO shop.a VALUES (2, NULL), (3, NULL)")
    here("INSERT INTO shop.b VALUES (2, 2), (3, 3); UPDATE shop.a SET b = 5 - id WHERE id > 1; COMMIT")
    result = copy_all(mode)
    assert (result.rejects, result.inserted) == ({}, 4)
    assert same(here, there, "a", "b")
    if mode != "append":
        here("UPDATE shop.a SET b = NULL WHERE b = 3; DELETE FROM shop.b WHERE id = 3")
        assert not copy_all(mode).rejected
        assert same(here, there, "a") or mode == "merge"


@pytest.mark.parametrize("action", ACTIONS)
def test_a_table_that_refers_to_itself(here: Query, there: Query, action: str) -> None:
    here(f"CREATE SCHEMA shop; CREATE TABLE shop.t (id int PRIMARY KEY, boss int REFERENCES shop.t {action})")
    here("INSERT INTO shop.t VALUES (1, NULL), (2, 1), (3, 2)")
    copy_all()
    here("UPDATE shop.t SET boss = 1 WHERE id = 3; DELETE FROM shop.t WHERE id = 2")
    assert copy_all("mirror").deleted == 1
    assert same(here, there, "t")
    here("INSERT INTO shop.t VALUES (4, NULL); UPDATE shop.t SET boss = 4; DELETE FROM shop.t WHERE id = 1")
    assert penstock.copy("source:shop.t", "warehouse:shop.t", mode="mirror").deleted == 1
    assert same(here, there, "t")


def test_a_rejected_parent_takes_its_children_along(here: Query, there: Query) -> None:
    here(SHOP.format(action=""))
    copy_all()
    there("DELETE FROM shop.sale; DELETE FROM shop.customer; ALTER TABLE shop.customer ADD CHECK (id <> 2)")
    assert copy_all("merge").rejects == {"check": 1, "foreign_key": 1}
    assert there("SELECT count(*) FROM shop.sale") == [(2,)]


def test_all_or_nothing(here: Query, there: Query) -> None:
    here(CIRCLE)
    copy_all()
    there("UPDATE shop.a SET b = NULL; DELETE FROM shop.b; DELETE FROM shop.a")
    there("ALTER TABLE shop.a ADD CHECK (id <> 2)")
    here("INSERT INTO shop.a VALUES (2, NULL); INSERT INTO shop.b VALUES (2, 2)")
    with pytest.raises(ContractError, match=r"violates foreign key .*Key \(a\)=\(2\)"):
        copy_all("mirror")
    assert there("SELECT count(*) FROM shop.a") == [(0,)]


def test_without_the_right_to_alter(
    here: Query, there: Query, warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(SHOP.format(action=""))
    copy_all()
    login = f"loader_{warehouse.database}"
    there(f"CREATE ROLE {login} LOGIN PASSWORD 'x'")
    try:
        there(f"GRANT USAGE ON SCHEMA shop, penstock_ledger TO {login}")
        there(f"GRANT ALL ON ALL TABLES IN SCHEMA shop, penstock_ledger TO {login}")
        there(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA penstock_ledger TO {login}")
        monkeypatch.setenv(
            "PENSTOCK_CONN_LOADER",
            f"postgres://{login}:x@{warehouse.host}:{warehouse.port}/{warehouse.database}?sslmode=disable",
        )
        here("DELETE FROM shop.sale WHERE id = 2; DELETE FROM shop.customer WHERE id = 2")
        with pytest.raises(TargetError, match="is checked row by row") as refusal:
            penstock.copy_all("source:shop", "loader:shop", mode="mirror")
        assert "ALTER CONSTRAINT sale_customer_fkey DEFERRABLE" in str(refusal.value.hint)
        there("ALTER TABLE shop.sale ALTER CONSTRAINT sale_customer_fkey DEFERRABLE")
        penstock.copy_all("source:shop", "loader:shop", mode="mirror")
        assert same(here, there, "customer", "sale")
    finally:
        there(f"DROP OWNED BY {login}; DROP ROLE {login}")


def test_a_key_of_a_partition(here: Query, there: Query) -> None:
    here("CREATE SCHEMA shop; CREATE TABLE shop.z_parent (id int PRIMARY KEY)")
    here("CREATE TABLE shop.part (id int, p int) PARTITION BY LIST (id)")
    here("CREATE TABLE shop.part_1 PARTITION OF shop.part FOR VALUES IN (1)")
    here("ALTER TABLE shop.part_1 ADD FOREIGN KEY (p) REFERENCES shop.z_parent")
    here("INSERT INTO shop.z_parent VALUES (1); INSERT INTO shop.part VALUES (1, 1)")
    copy_all()
    assert there(KEYS) == here(KEYS)
    assert same(here, there, "part", "z_parent")
