"""Identities of copies: ledgers written by earlier versions must still recognize the same copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.engine.copy import identify
from penstock.engine.identity import identity_of
from penstock.files.source import open_files
from penstock.model.api import Answers
from penstock.model.options import make_plan
from penstock.model.plan import CopyPlan

# As version 0.1.0 wrote them, by what each route leaves out: tables, exports, Snowflake. Never change one.
LEDGER: list[tuple[str, CopyPlan, str, str, str]] = [
    (
        "a file",
        make_plan("sales.csv", "warehouse:raw.sales"),
        "55c2f40a072a9dc63c71b6090a5fde98",
        "55c2f40a072a9dc63c71b6090a5fde98",
        "ab1d751404799a2281c82876fbea5205",
    ),
    (
        "every option of a file",
        make_plan(
            "s.csv",
            "w:t",
            mode="merge",
            key="a,b",
            order_by="c",
            filter_column="d",
            filter_value="e",
            max_rejects="2%",
            skip_extra=True,
            fill_missing=True,
            partition="day",
            pipeline="p",
            task="k",
            format="csv",
            delimiter=";",
            quote=None,
            encoding="latin-1",
            header="a,b",
            null_values=["x"],
            date_format="%d",
        ),
        "9c919204d7a3937faa5003d7b30273a2",
        "817669a29241e488c2539cb2593eaff1",
        "900cdd01bf5fcc2cfd28082854afff4f",
    ),
    (
        "an interval",
        make_plan(
            "s.jsonl", "w:t", mode="interval", interval_column="d", interval_start="1", interval_end="2"
        ),
        "ce7f8a3707e95fd5e1c79c04bac90750",
        "ce7f8a3707e95fd5e1c79c04bac90750",
        "5337fc1680c4af1255d74da1295548ea",
    ),
    (
        "a table",
        make_plan(
            "source:t", "w:t", mode="mirror", columns="a,b", column=["c=1"], cursor="u", lookback="1 day"
        ),
        "1f12d953050e514e647661e6f0642f32",
        "1f12d953050e514e647661e6f0642f32",
        "ec5f00243c635e171719c7d290cf01b0",
    ),
    (
        "a query",
        make_plan("source:", "w:t", query="SELECT 1"),
        "2d3f7ffe227a1327051e16270dcbc238",
        "2d3f7ffe227a1327051e16270dcbc238",
        "eaef9565ff3ca096ef3b172df70bfb14",
    ),
    (
        "an export",
        make_plan("w:t", "s3://b/t/", compression="gzip", max_file_size="250MB"),
        "ec2487b09ce8eedc2081a9b3a8111fb9",
        "ec2487b09ce8eedc2081a9b3a8111fb9",
        "6b95cd94b35355eefc56e7ff081311cf",
    ),
    (
        "Snowflake",
        make_plan("s3://b/t/", "snow:d.t", stage="d.s", mode="replace"),
        "8fc2c48154c71ba5d87afb5a3ee4e590",
        "8fc2c48154c71ba5d87afb5a3ee4e590",
        "f3d3edc22253fa8df3ce50cdb01c5abb",
    ),
    (
        "the lake",
        make_plan("lake:w", "w:t", answers=Answers(records="a", columns=(("b", "c"),))),
        "2ada42882625f5c03aa29e55c4dd0f85",
        "2ada42882625f5c03aa29e55c4dd0f85",
        "721ec2adc01944f239caf2e133d400f2",
    ),
]


@pytest.mark.parametrize(
    ("name", "plan", "table", "export", "snowflake"), LEDGER, ids=[row[0] for row in LEDGER]
)
def test_a_plan_keeps_its_identity(
    name: str, plan: CopyPlan, table: str, export: str, snowflake: str
) -> None:
    assert identity_of(plan, "f00") == table
    assert identity_of(plan, "f00", without=("source", "pipeline", "task")) == export
    assert identity_of(plan, "f00", without=("max_rejects",)) == snowflake


@pytest.mark.parametrize(
    ("name", "text", "identity"),
    [
        ("a.csv", "id,name\n1,x\n", "61722402c75d1d002517a16bfa3cbe9c"),
        ("b.jsonl", '{"id":1}\n', "667139aa698b63d7e8bb3000ee031d1f"),
    ],
)
def test_a_file_keeps_its_identity(tmp_path: Path, name: str, text: str, identity: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    plan = make_plan(str(path), "warehouse:t")
    assert identify(plan, open_files(str(path), plan.file)) == identity
