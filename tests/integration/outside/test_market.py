"""Prices from the sandbox to the table, held against the data that the sandbox has them from."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.integration.gallery.conftest import RunDag, Session
from tests.integration.outside.prices import expected

from penstock.model.errors import PenstockError, Refused, SourceError, UsageError
from penstock.model.outcome import NothingLanded, NothingLoaded
from penstock_sandbox.client import Sandbox
from penstock_sandbox.state import Settings

# exchange_calendars and the newest pandas.
pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray")

TABLE = "SELECT * FROM market.transformed_market_data ORDER BY market_date, ticker"
# A Friday, a Saturday, a holiday, two more days.
DAYS = ("2013-02-15", "2013-02-16", "2013-02-18", "2013-02-19", "2013-02-20")


def run_day(market: ModuleType, day: str, again: str = "False") -> dict[str, Any]:
    """What the DAGs do."""
    landed = market.extract_market_data(day, again)
    flat = market.flatten_market_data(landed, day)
    account: dict[str, Any] = market.load_market_data(market.transform_market_data(flat, day), day)
    return account


def rejects(session: Session) -> list[tuple[Any, ...]]:
    query = 'SELECT reason, "column", raw FROM penstock_ledger.rejects ORDER BY raw'
    return session.execute(query).fetchall()


def rows_of_copies(session: Session, column: str) -> int:
    (row,) = session.execute(f"SELECT sum({column}) FROM penstock_ledger.copies").fetchall()
    return int(row[0])


Setting = Callable[[str], None]


@pytest.fixture
def partial(world: Path) -> Setting:
    """Sets `market_partial_day`."""
    base = world / "environments" / "base.yaml"

    def write(value: str) -> None:
        text = base.read_text()
        base.write_text(text.replace("market_partial_day: fail", f"market_partial_day: {value}"))
        assert f"market_partial_day: {value}" in base.read_text()

    return write


def switch(sandbox: Sandbox, **switches: Any) -> None:
    sandbox.apply(Settings.model_validate({"switches": {"prices": switches}}))


def test_each_day_to_the_last_digit(market: ModuleType, session: Session) -> None:
    accounts = [run_day(market, day) for day in DAYS]
    assert session.execute(TABLE).fetchall() == expected(*DAYS)
    assert [account["loaded"] for account in accounts] == [5, 0, 0, 5, 5]
    types = session.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'market' AND table_name = 'transformed_market_data'"
    ).fetchall()
    assert dict(types) == dict.fromkeys(
        ("open_price", "high_price", "low_price", "close_price", "change", "volume"), "numeric"
    ) | {"market_date": "date", "ticker": "text"}


def test_a_day_done_twice_is_asked_once_and_changes_nothing(
    market: ModuleType, session: Session, sandbox: Sandbox
) -> None:
    versions = "SELECT xmin::text, ctid::text FROM market.transformed_market_data ORDER BY ticker"
    run_day(market, "2013-02-19")
    before = session.execute(versions).fetchall()
    calls = sandbox.calls()["counts"]
    run_day(market, "2013-02-19")
    assert session.execute(versions).fetchall() == before
    assert sandbox.calls()["counts"] == calls == {"prices": {"200": 5}}


def test_asked_again_the_later_answer_counts(market: ModuleType, session: Session, sandbox: Sandbox) -> None:
    run_day(market, "2013-02-19")
    session.execute("UPDATE market.transformed_market_data SET volume = 0")
    assert run_day(market, "2013-02-19", "True")["loaded"] == 5
    assert session.execute(TABLE).fetchall() == expected("2013-02-19")
    assert sandbox.calls()["counts"] == {"prices": {"200": 10}}
    assert rejects(session) == []  # the same answers, given twice
    assert rows_of_copies(session, "duplicates") == 5


def test_an_earlier_answer_that_differs_is_kept_in_quarantine(
    market: ModuleType, session: Session, sandbox: Sandbox
) -> None:
    switch(sandbox, missing_field={"first": 1, "match": "AAPL", "field": "afterHours"})
    run_day(market, "2013-02-19")
    run_day(market, "2013-02-19", "True")
    ((reason, column, raw),) = rejects(session)
    assert (reason, column) == ("key_conflict", None)
    assert '"AAPL"' in raw


@pytest.mark.parametrize(
    ("trouble", "reason"), [("late", "status 404"), ("malformed", "the answer is not valid JSON")]
)
def test_a_partial_day_fails_and_the_next_run_requests_what_is_missing(
    market: ModuleType, session: Session, sandbox: Sandbox, trouble: str, reason: str
) -> None:
    switch(sandbox, **{trouble: {"first": 1, "match": "AAPL"}})
    with pytest.raises(SourceError, match=f"1 of 5 requests has no answer: 1 x {reason}"):
        run_day(market, "2013-02-19")
    assert session.execute(TABLE).fetchall() == []
    assert run_day(market, "2013-02-19")["loaded"] == 5
    assert session.execute(TABLE).fetchall() == expected("2013-02-19")
    assert sum(sandbox.calls()["counts"]["prices"].values()) == 6
    assert rejects(session) == []


@pytest.mark.parametrize("trouble", ["late", "malformed"])
def test_a_partial_day_is_retried_in_the_task_if_the_setting_says_so(
    market: ModuleType, session: Session, sandbox: Sandbox, partial: Setting, trouble: str
) -> None:
    partial("retry")
    switch(sandbox, **{trouble: {"first": 1, "match": "AAPL"}})
    assert run_day(market, "2013-02-19")["loaded"] == 5
    assert sum(sandbox.calls()["counts"]["prices"].values()) == 6


@pytest.mark.parametrize("trouble", ["late", "malformed", "wrong_type"])
@pytest.mark.parametrize("match", ["AAPL", "2013-02-19"], ids=["one ticker", "all"])
def test_a_partial_day_is_published_if_the_setting_says_so_and_completed_later(
    market: ModuleType, session: Session, sandbox: Sandbox, partial: Setting, trouble: str, match: str
) -> None:
    partial("publish")
    switch(sandbox, **{trouble: {"share": 1, "match": match}})
    if match == "AAPL":
        assert run_day(market, "2013-02-19")["loaded"] == 4
    elif trouble == "late":
        assert run_day(market, "2013-02-19")["loaded"] == 0
    else:
        with pytest.raises((NothingLoaded, NothingLanded)):
            run_day(market, "2013-02-19")
        return
    switch(sandbox)
    assert run_day(market, "2013-02-19")["loaded"] == 5
    assert session.execute(TABLE).fetchall() == expected("2013-02-19")


def test_what_does_not_fit_is_requested_by_the_next_run(
    market: ModuleType, session: Session, sandbox: Sandbox
) -> None:
    switch(sandbox, wrong_type={"first": 1, "match": "AAPL"})
    with pytest.raises(PenstockError, match="2013-02-19 has a session, but no usable prices for AAPL"):
        run_day(market, "2013-02-19")
    assert session.execute(TABLE).fetchall() == []
    assert run_day(market, "2013-02-19")["loaded"] == 5
    assert session.execute(TABLE).fetchall() == expected("2013-02-19")
    assert sandbox.calls()["counts"] == {"prices": {"200": 6}}


def test_what_was_never_loaded_is_not_requested_again(
    market: ModuleType, session: Session, sandbox: Sandbox
) -> None:
    run_day(market, "2013-02-19")
    session.execute("DELETE FROM market.open_close")
    assert run_day(market, "2013-02-19")["loaded"] == 5
    assert sandbox.calls()["counts"] == {"prices": {"200": 5}}


def test_a_setting_that_there_is_not(market: ModuleType, partial: Setting) -> None:
    partial("perhaps")
    with pytest.raises(UsageError, match="invalid market_partial_day 'perhaps'"):
        run_day(market, "2013-02-19")


def test_an_unreliable_service_makes_no_difference(
    market: ModuleType, session: Session, sandbox: Sandbox
) -> None:
    settings = {
        "throttle": {"first": 1, "retry_after_s": 0, "match": "AAPL"},
        "error": {"first": 1, "match": "GOOG"},
        "drop": {"first": 1, "match": "IBM"},
        "slow": {"first": 1, "seconds": 0.2, "match": "FB"},
    }
    switch(sandbox, **settings)
    run_day(market, "2013-02-19")
    assert session.execute(TABLE).fetchall() == expected("2013-02-19")
    assert sum(sandbox.calls()["counts"]["prices"].values()) == 8


def test_answers_that_do_not_fit_go_to_quarantine_and_the_others_are_loaded(
    market: ModuleType, session: Session, sandbox: Sandbox, partial: Setting
) -> None:
    partial("publish")
    settings = {
        "wrong_type": {"share": 1, "match": "AAPL"},
        "missing_field": {"share": 1, "match": "FB", "field": "volume"},
        "malformed": {"share": 1, "match": "GOOG"},
    }
    switch(sandbox, **settings)
    run_day(market, "2013-02-19")
    good = [row for row in expected("2013-02-19") if row[1] in ("IBM", "MSFT")]
    assert session.execute(TABLE).fetchall() == good
    found = {(reason, column) for reason, column, _ in rejects(session)}
    assert found == {("bad_type", "close_price"), ("missing", "volume"), ("malformed", None)}
    assert all('"from":"2013-02-19"' in raw for _, _, raw in rejects(session))


@pytest.fixture
def other_key(world: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment's file knows no key, so that Airflow's own variables count."""
    path = world / "environments" / "dev.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "POLYGON" not in line and "polygon_limit" not in line))
    base = world / "environments" / "base.yaml"
    lines = base.read_text().splitlines(keepends=True)
    base.write_text("".join(line for line in lines if "polygon_limit" not in line))
    return monkeypatch


def test_a_wrong_key_is_one_call_and_one_error(
    market: ModuleType, sandbox: Sandbox, other_key: pytest.MonkeyPatch
) -> None:
    other_key.setenv("AIRFLOW_VAR_POLYGON_API_KEY", "guessed-by-somebody")
    with pytest.raises(Refused, match="Unknown API Key") as caught:
        run_day(market, "2013-02-19")
    assert "guessed-by-somebody" not in f"{caught.value} {caught.value.hint}"
    assert sandbox.calls()["counts"] == {"prices": {"401": 1}}


def test_a_free_plan_is_used_up_and_never_exceeded(
    market: ModuleType, session: Session, sandbox: Sandbox, other_key: pytest.MonkeyPatch
) -> None:
    sandbox.apply(Settings(window_s=2))
    other_key.setenv("AIRFLOW_VAR_POLYGON_API_KEY", "sandbox-prices-free")
    other_key.setenv("AIRFLOW_VAR_POLYGON_LIMIT", "5/2s")
    began = time.monotonic()
    for day in ("2013-02-19", "2013-02-20"):
        run_day(market, day)
    assert time.monotonic() - began >= 2
    output = sandbox.calls(last=0)
    assert (output["counts"], output["most_in_window"]) == ({"prices": {"200": 10}}, {"prices": {"free": 5}})
    assert session.execute(TABLE).fetchall() == expected("2013-02-19", "2013-02-20")


@pytest.mark.timeout(300)
def test_both_dags_leave_the_same_table_and_no_key_anywhere(
    market: ModuleType, run_dag: RunDag, session: Session, world: Path
) -> None:
    run_dag("market_etl_classic", "--date", "2013-02-19")
    classic = session.execute(TABLE).fetchall()
    session.execute("DROP SCHEMA market CASCADE")
    run_dag("market_etl", "--date", "2013-02-19")
    assert session.execute(TABLE).fetchall() == classic == expected("2013-02-19")
    assert_nowhere("sandbox-prices-paid", world / ".penstock", session)


def assert_nowhere(key: str, state: Path, session: Session) -> None:
    """The key is in no file of the project's state (logs, metadata with rendered templates, lake) and in no table."""
    import pyarrow.parquet as pq

    files = [path for path in state.rglob("*") if path.is_file()]
    batches = [path for path in files if path.suffix == ".parquet"]
    assert batches
    assert any(path.suffix == ".log" for path in files)
    assert [path for path in files if key.encode() in path.read_bytes()] == []
    assert [path for path in batches if key in str(pq.read_table(path).to_pydict())] == []
    tables = session.execute(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
        " WHERE table_schema IN ('penstock_ledger', 'market', 'weather')"
    ).fetchall()
    assert ("penstock_ledger.copies",) in tables
    for (table,) in tables:
        sql = f"SELECT count(*) FROM {table} AS row WHERE row::text LIKE %s"
        assert session.execute(sql, [f"%{key}%"]).fetchone() == (0,), table
