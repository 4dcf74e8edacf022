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
