from __future__ import annotations

import copy
import dataclasses

import pytest

from penstock.model.columns import matching_key
from penstock.model.connection import Connection, Secret
from penstock.model.contract import snake_case
from penstock.model.errors import AccountMismatch
from penstock.model.result import CopyResult


def test_a_secret_shows_nothing() -> None:
    connection = Connection(name="dwh", type="postgres", login="me", password=Secret("hunter2"))
    for text in (
        repr(connection),
        str(connection),
        f"{connection.password}",
        str(dataclasses.asdict(connection)),
    ):
        assert "hunter2" not in text
    assert connection.password == Secret("hunter2")
    assert copy.copy(connection) == connection


GOOD = CopyResult(
    id="x",
    read=10,
    loaded=6,
    inserted=1,
    updated=2,
    unchanged=3,
    duplicates=1,
    rejected=3,
    rejects={"check": 3},
)


def test_an_account_that_adds_up() -> None:
    GOOD.check()


@pytest.mark.parametrize(
    "field", ["read", "loaded", "inserted", "updated", "unchanged", "duplicates", "rejected"]
)
def test_a_row_too_few_is_noticed(field: str) -> None:
    with pytest.raises(AccountMismatch, match="does not add up"):
        dataclasses.replace(GOOD, **{field: getattr(GOOD, field) - 1}).check()


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("SaleID", "sale_id"),
        ("saleId", "sale_id"),
        ("Ship Mode", "ship_mode"),
        ("  x  ", "x"),
        ("ID", "id"),
        ("HTTPServer2Name", "http_server2_name"),
        ("Größe", "größe"),
        ("%", "column"),
        ("a-b.c", "a_b_c"),
    ],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_names_that_are_one_and_names_that_are_not() -> None:
    assert len({matching_key(name) for name in ("SaleID", "sale_id", "Sale ID", "SALEID", "sale-id")}) == 1
    assert len({matching_key(name) for name in ("#", "%", "a", "b")}) == 4
