"""A whole schema in one command: in the order of its foreign keys, which come along, with one account."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.commands import forked
from tests.databases import Query

import penstock
from penstock.model.errors import UsageError

SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.a_line (id int PRIMARY KEY, sale int NOT NULL, product int);
CREATE TABLE shop.sale (id int PRIMARY KEY, customer int);
CREATE TABLE shop.customer (id int PRIMARY KEY, friend int REFERENCES shop.customer, favourite int);
CREATE TABLE shop.product (id int PRIMARY KEY, first_buyer int);
ALTER TABLE shop.a_line ADD CONSTRAINT of_sale FOREIGN KEY (sale) REFERENCES shop.sale ON DELETE CASCADE,
    ADD FOREIGN KEY (product) REFERENCES shop.product;
ALTER TABLE shop.sale ADD FOREIGN KEY (customer) REFERENCES shop.customer;
ALTER TABLE shop.customer ADD FOREIGN KEY (favourite) REFERENCES shop.product;
ALTER TABLE shop.product ADD FOREIGN KEY (first_buyer) REFERENCES shop.customer DEFERRABLE INITIALLY DEFERRED;
INSERT INTO shop.product VALUES (1, NULL), (2, NULL);
INSERT INTO shop.customer VALUES (1, NULL, 2), (2, 1, 1);
UPDATE shop.product SET first_buyer = 2;
INSERT INTO shop.sale VALUES (1, 1), (2, 2);
INSERT INTO shop.a_line VALUES (1, 1, 1), (2, 1, 2), (3, 2, 2);
"""
KEYS = "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY 1"


def copy_all(where: Path, *words: str) -> str:
    command = [str(forked()), "copy", "--all", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=where)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_schema(here: Query, there: Query, tmp_path: Path) -> None:
    here(SHOP)
    account = json.loads(copy_all(tmp_path, "source:shop", "warehouse:shop", "--json"))
    assert account["total"]["loaded"] == 9
    order = list(account["tables"])
    assert order.index("sale") < order.index("a_line")
    assert order.index("customer") < order.index("sale")
    assert there(KEYS) == here(KEYS)
    here("INSERT INTO shop.sale VALUES (3, 1); DELETE FROM shop.a_line WHERE id = 1")
    again = copy_all(tmp_path, "source:shop", "warehouse:shop", "--mode", "merge")
    assert "10 read" not in again
    assert "9 read" in again
    assert there("SELECT count(*) FROM shop.sale") == [(3,)]


def test_an_empty_schema(tmp_path: Path) -> None:
    command = [str(forked()), "copy", "--all", "source", "warehouse"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "source:public has no tables" in done.stderr


def test_from_python(here: Query, there: Query) -> None:
    here(SHOP)
    first = penstock.copy_all("source:shop", "warehouse:shop")
    assert (first.total.read, first.total.inserted, first.tables["sale"].read) == (9, 9, 2)
    assert there(KEYS) == here(KEYS)
    here("DELETE FROM shop.a_line WHERE id = 3")
    again = penstock.copy_all("source:shop", "warehouse:shop", mode="mirror")
    assert (again.total.unchanged, again.total.deleted) == (8, 1)
    with pytest.raises(UsageError, match="do not apply to --all"):
        penstock.copy_all("source:shop", "warehouse:shop", key="id")


def test_some_tables_each_in_its_mode(here: Query, there: Query) -> None:
    here("CREATE SCHEMA s; CREATE TABLE s.log_a (id int PRIMARY KEY); CREATE TABLE s.log_b (id int)")
    here("CREATE TABLE s.parent (id int PRIMARY KEY); CREATE TABLE s.child (id int REFERENCES s.parent)")
    here("INSERT INTO s.log_a VALUES (1); INSERT INTO s.parent VALUES (1); INSERT INTO s.child VALUES (1)")
    result = penstock.copy_all("source:s", "warehouse:s", exclude=["parent", "*_b"])
    assert list(result.tables) == ["child", "log_a"]
    assert there(KEYS) == []
    penstock.copy_all("source:s", "warehouse:s", include=["parent", "child"])
    assert there(KEYS) == here(KEYS)
    here("DELETE FROM s.child; DELETE FROM s.parent; DELETE FROM s.log_a; INSERT INTO s.log_a VALUES (2)")
    penstock.copy_all(
        "source:s",
        "warehouse:s",
        mode="mirror",
        exclude=["log_b"],
        mode_for=["log_*=append", "child=replace"],
    )
    assert there("SELECT * FROM s.log_a ORDER BY 1") == [(1,), (2,)]
    assert there("SELECT * FROM s.parent UNION ALL SELECT * FROM s.child") == []
    with pytest.raises(UsageError, match="no table matches 'x"):
        penstock.copy_all("source:s", "warehouse:s", include=["x*"])
    with pytest.raises(UsageError, match="invalid mode of tables"):
        penstock.copy_all("source:s", "warehouse:s", mode_for=["log_*=all"])


def test_the_other_tables_if_one_fails(here: Query, there: Query, tmp_path: Path) -> None:
    here("CREATE SCHEMA s; CREATE TABLE s.a (id int); CREATE TABLE s.b (id int); CREATE TABLE s.z (id int)")
    here("INSERT INTO s.a VALUES (1); INSERT INTO s.b VALUES (1); INSERT INTO s.z VALUES (1)")
    there("CREATE SCHEMA s; CREATE TABLE s.b (other int)")
    with pytest.raises(penstock.PenstockError):
        penstock.copy_all("source:s", "warehouse:s")
    assert there("SELECT to_regclass('s.z')") == [(None,)]
    with pytest.raises(penstock.TablesFailed, match="1 of 3 tables not copied: b") as stopped:
        penstock.copy_all("source:s", "warehouse:s", keep_going=True)
    assert list(stopped.value.tables) == ["a", "z"]
    assert "b" in stopped.value.failed
    command = [str(forked()), "copy", "--all", "source:s", "warehouse:s", "--keep-going"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "  b  failed: the source has column id" in done.stdout
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path)
    assert list(json.loads(done.stdout)["failed"]) == ["b"]
    done = subprocess.run(
        [str(forked()), "copy", "source:s.a", "warehouse:s.a", "--keep-going"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2


def test_what_is_not_copied(here: Query, there: Query, tmp_path: Path) -> None:
    here("CREATE SCHEMA s; CREATE SCHEMA apart; CREATE TABLE apart.p (id int PRIMARY KEY)")
    here(
        "CREATE TABLE s.t (id int PRIMARY KEY, p int CONSTRAINT out REFERENCES apart.p, q int) WITH (fillfactor = 90)"
    )
    here("CREATE TABLE s.child () INHERITS (s.t); CREATE SEQUENCE s.free; CREATE VIEW s.v AS SELECT 1 AS a")
    here("CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS a; CREATE STATISTICS s.st ON p, q FROM s.t")
    here("CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    here("CREATE TRIGGER tr AFTER INSERT ON s.t EXECUTE FUNCTION s.f(); GRANT SELECT ON s.t TO PUBLIC")
    here("CREATE RULE r AS ON UPDATE TO s.t DO ALSO NOTHING; ALTER TABLE s.t ENABLE ROW LEVEL SECURITY")
    here("CREATE POLICY po ON s.t USING (true); COMMENT ON CONSTRAINT t_pkey ON s.t IS 'key'")
    result = penstock.copy_all("source:s", "warehouse:s")
    assert result.not_copied == {
        "comment": ["t.t_pkey"],
        "extended statistics": ["st"],
        "foreign key to another schema": ["t.out"],
        "function": ["f()"],
        "grants": ["t"],
        "inheritance": ["child from t"],
        "materialized view": ["m"],
        "policy": ["t.po"],
        "row security": ["t"],
        "rule": ["t.r"],
        "sequence": ["free"],
        "storage parameters": ["t"],
        "trigger": ["t.tr"],
        "view": ["v"],
    }
    there("CREATE VIEW s.v AS SELECT 1 AS a")
    text = copy_all(tmp_path, "source:s", "warehouse:s")
    assert "  not copied: trigger t.tr\n" in text
    assert "view v" not in text
    assert json.loads(copy_all(tmp_path, "source:s", "warehouse:s", "--json"))["not_copied"]["rule"] == [
        "t.r"
    ]


def test_tables_that_inherit(here: Query, there: Query) -> None:
    here(
        "CREATE SCHEMA s; CREATE TABLE s.p (id int PRIMARY KEY, v text); CREATE TABLE s.c (w int) INHERITS (s.p)"
    )
    here("INSERT INTO s.p VALUES (1, 'a'); INSERT INTO s.c VALUES (2, 'b', 3), (3, 'c', 4)")
    for mode in ("append", "replace"):
        result = penstock.copy_all("source:s", "warehouse:s", mode=mode)
        assert result.total.read == 3
        assert there("SELECT id FROM s.p") == [(1,)]
    assert penstock.copy("source:s.p", "warehouse:whole").loaded == 3
    here("INSERT INTO s.c VALUES (1, 'again', 5)")
    assert penstock.copy("source:s.p", "warehouse:whole", mode="merge").rejects == {"key_conflict": 1}
    there("CREATE TABLE heir () INHERITS (s.p)")
    with pytest.raises(penstock.PenstockError, match=r"tables inherit from warehouse:s\.p"):
        penstock.copy_all("source:s", "warehouse:s", mode="replace")
