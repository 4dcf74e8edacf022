from __future__ import annotations

import pytest

from penstock.engine.column_mapping import match_columns
from penstock.model.contract import Column, Contract, Kind
from penstock.model.errors import ContractError
from penstock.model.options import make_plan

COLUMNS = (
    Column(name="sale_id", type="integer", kind=Kind.INT4, nullable=False),
    Column(name="name", type="text", kind=Kind.TEXT),
    Column(name="loaded_at", type="date", kind=Kind.DATE, nullable=False, has_default=True),
)
TABLE = Contract(schema="raw", table="sales", columns=COLUMNS, primary_key=("sale_id",))


def test_by_name_in_the_table_s_order() -> None:
    match = match_columns(make_plan("in.csv", "w:raw.sales"), TABLE, ("Name", "SaleID"))
    assert [(column.name, source) for column, source in match.pairs] == [
        ("sale_id", "SaleID"),
        ("name", "Name"),
    ]
    assert match.key == ("sale_id",)


def test_the_plan_s_words_become_the_table_s() -> None:
    plan = make_plan(
        "in.csv", "w:t", mode="merge", key="SaleID", order_by="NAME", filter_column="name", filter_value="x"
    )
    match = match_columns(plan, TABLE, ("SALE_ID", "Name"))
    assert (match.key, match.plan.order_by, match.where) == (("sale_id",), "name", ("Name", "x"))


@pytest.mark.parametrize(
    ("header", "options", "words", "hint"),
    [
        (("sale_id", "nmae"), {}, "the source has column nmae", "did you mean name?"),
        (("sale_id",), {}, "lacks column name", "--fill-missing"),
        (("name",), {"fill_missing": True}, "lacks column sale_id", "default"),
        (("x", "y"), {"skip_extra": True}, "no column of w:t", "--header"),
        (("sale_id", "name"), {"key": "loaded_at"}, "key column 'loaded_at'", "available: "),
    ],
)
def test_what_does_not_fit(header: tuple[str, ...], options: dict[str, str], words: str, hint: str) -> None:
    with pytest.raises(ContractError, match=words) as caught:
        match_columns(make_plan("in.csv", "w:t", **options), TABLE, header)  # type: ignore[arg-type]
    assert hint in str(caught.value.hint)
