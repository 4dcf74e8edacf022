"""Prices of one market day: fetched into the lake, flattened, transformed and loaded.

Plain functions that do not import Airflow. Both market DAGs and the dashboard DAG use them. Each function is
idempotent, and passes an address to the next one, never the data.

The exchange's calendar says whether a day has a session. If it has, every ticker must have prices. The variable
`market_partial_day` decides what happens otherwise: `fail` (nothing is published, and the next try requests what is
missing), `retry` (the same, after the retries of the plan), or `publish` (the day is published without them).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import penstock

CONNECTION = "postgres_market_conn"
FILES = Path(__file__).resolve().parents[1] / "dags" / "market"
FLAT = f"{CONNECTION}:market.open_close"
STAGED = f"{CONNECTION}:market.staged_market_data"
LOADED = f"{CONNECTION}:market.transformed_market_data"


def create_market_tables() -> None:
    """Create the tables that are missing."""
    with penstock.connect(CONNECTION) as session, session.transaction():
        session.execute((FILES / "create_tables.sql").read_bytes())


def is_market_open(day: str) -> bool:
    """Return whether the New York Stock Exchange has a session on this day, by its own calendar.

    Example:
        >>> is_market_open("2013-02-15"), is_market_open("2013-02-16"), is_market_open("2013-02-18")
        (True, False, False)
    """
    from exchange_calendars import get_calendar

    # Building a calendar of a few days is much faster than one of thirty years.
    around = date.fromisoformat(day)
    calendar = get_calendar("XNYS", start=around - timedelta(days=7), end=around + timedelta(days=7))
    return bool(calendar.is_session(around.isoformat()))


def extract_market_data(day: str, again: str = "False") -> str:
    """Request the day's prices for every ticker of the variable `market_tickers`, and land the answers.

    Landed answers are not requested again unless `again` is set, or the day was loaded without some of its tickers:
    then these are requested. On a day without a session the service answers that it has no prices; that answer lands
    too.

    Args:
        day: The market day, such as 2013-02-04.
        again: "True" or "False", as a template renders it.

    Returns:
        The address of the day's answers in the lake.

    Raises:
        PenstockError: The day has a session, and a ticker has no prices or a truncated answer. The others have landed.
    """
    tickers = _tickers()
    is_session = is_market_open(day)
    plan = _plan(is_session=is_session)
    target = f"lake:market/open_close/{date.fromisoformat(day)}"
    rows = [{"ticker": ticker, "day": day} for ticker in tickers]
    label = ",".join(tickers)
    landed = penstock.land(plan, target, rows=rows, label=label, again=again == "True")
    if landed.already and is_session:
        missing = _missing(day)
        # If the table has none of the day and the lake has prices, the answers were never loaded.
        if missing and (landed.absent or len(missing) < len(tickers)):
            rows = [row for row in rows if row["ticker"] in missing]
            penstock.land(plan, target, rows=rows, label=label, again=True, allow_empty=True)
    return target


def _plan(*, is_session: bool) -> penstock.ApiPlan:
    """The plan for a day: on one with a session, an answer without prices is an error."""
    plan = penstock.load_plan(FILES / "open_close.yaml")
    if limit := penstock.variable("polygon_limit"):
        plan = replace(plan, limit=penstock.Limit.parse(limit))
    partial = _partial_day()
    if not is_session or partial == "publish":
        return plan
    action: Literal["error", "retry"] = "retry" if partial == "retry" else "error"
    return replace(plan, statuses={"404": action}, malformed=action)


def flatten_market_data(landed: str, day: str) -> str:
    """Load one row for each answer that holds prices; rows that do not fit go to quarantine.

    Args:
        landed: The address of the answers. If a ticker has two answers, the later one is loaded and the earlier one
            goes to quarantine if it differs.

    Returns:
        The address of the table.

    Raises:
        PenstockError: The day has a session, and a ticker has no row.
    """
    penstock.copy(landed, FLAT, order_by="answered_at", **_of_day(day))
    if is_market_open(day) and (missing := _missing(day)):
        message = f"{day} has a session, but no usable prices for {', '.join(missing)}"
        if _partial_day() != "publish":
            raise penstock.PenstockError(
                message,
                hint="nothing was published; run the day again to request them, or see penstock rejects list",
            )
        logging.getLogger(__name__).warning("%s", message)
    return FLAT


def transform_market_data(flat: str, day: str) -> str:
    """Compute the day's change of each ticker: close minus open.

    Args:
        flat: The address of the table of flattened answers.

    Returns:
        The address of the table that is ready to be loaded.
    """
    query = (FILES / "transform.sql").read_text(encoding="utf-8")
    query = query.replace("{day}", f"DATE '{date.fromisoformat(day)}'")
    penstock.copy(flat.partition(":")[0], STAGED, query=query, **_of_day(day))
    return STAGED


def load_market_data(staged: str, day: str) -> dict[str, Any]:
    """Replace the day's rows in the target table.

    Returns:
        The account of the copy.
    """
    return penstock.copy(
        staged, LOADED, filter_column="market_date", filter_value=day, **_of_day(day)
    ).to_dict()


def _of_day(day: str) -> dict[str, Any]:
    start = date.fromisoformat(day)
    return {
        "mode": "interval",
        "interval_column": "market_date",
        "interval_start": start.isoformat(),
        "interval_end": (start + timedelta(days=1)).isoformat(),
    }


def _missing(day: str) -> list[str]:
    """The tickers without a row of the day."""
    query = "SELECT ticker FROM market.open_close WHERE market_date = %s"
    with penstock.connect(CONNECTION) as session:
        known = {row["ticker"] for row in session.execute(query, [date.fromisoformat(day)])}
    return [ticker for ticker in _tickers() if ticker not in known]


def _partial_day() -> str:
    wanted = penstock.variable("market_partial_day") or "fail"
    if wanted not in ("fail", "retry", "publish"):
        raise penstock.UsageError(f"invalid market_partial_day {wanted!r}", hint="use fail, retry or publish")
    return wanted


def _tickers() -> list[str]:
    text = penstock.variable("market_tickers") or ""
    tickers = [one.strip() for one in text.split(",") if one.strip()]
    if not tickers:
        raise penstock.UsageError(
            "market_tickers is empty", hint="penstock variable set market_tickers AAPL,IBM"
        )
    return tickers
