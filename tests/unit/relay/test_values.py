"""What needs no server: which types hold which, and the order of tables."""

from __future__ import annotations

import pytest

from penstock.engine.schema_changes import widens
from penstock.postgres.relay.schema import in_order, parse_schema
from penstock.postgres.relay.source_snapshot import _unfold


@pytest.mark.parametrize(
    ("source", "target", "holds"),
    [
        ("smallint", "bigint", True),
        ("bigint", "integer", False),
        ("integer", "real", False),
        ("numeric(10,2)", "numeric(12,2)", True),
        ("numeric(10,2)", "numeric(10,3)", False),
        ("numeric(10,2)", "numeric", True),
        ("numeric", "numeric(10,2)", False),
        ("character varying(5)", "character varying(4)", False),
        ("character varying", "text", True),
        ("character(4)", "text", False),
        ("text", "jsonb", False),
    ],
)
def test_types_that_hold_others(source: str, target: str, holds: bool) -> None:
    assert widens(source, target) is holds


def test_tables_in_the_order_of_their_keys() -> None:
    references = [("line", "sale"), ("sale", "customer"), ("customer", "customer"), ("a", "b"), ("b", "a")]
    rows = [{"root": table, "referred_root": referred} for table, referred in references]
    order = in_order(["a", "b", "customer", "line", "sale"], rows)
    assert sorted(order) == ["a", "b", "customer", "line", "sale"]
    assert order.index("customer") < order.index("sale") < order.index("line")


def test_addresses() -> None:
    assert parse_schema("source").schema == "public"
    assert parse_schema("source:").schema == "public"


def test_numbers_of_transactions_around_a_turn() -> None:
    turn = 2**32
    assert _unfold(turn - 1, turn + 5) == turn - 1
    assert _unfold(3, turn + 5) == turn + 3
    assert _unfold(6, turn + 5) == turn + 6
