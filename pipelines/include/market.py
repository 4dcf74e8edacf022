"""Prices of one market day: fetched into the lake, flattened, transformed and loaded.

Plain functions that do not import Airflow. Both market DAGs and the dashboard DAG use them. Each function is
idempotent, and passes an address to the next one, never the data.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

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


def extract_market_data(day: str, again: str = "False") -> str:
    """Request the day's prices for every ticker of the variable `market_tickers`, and land the answers.

    Landed answers are not requested again unless `again` is set. On a day without trading the service answers that it
    has no prices; that answer lands too.

    Args:
        day: The market day, such as 2013-02-04.
        again: "True" or "False", as a template renders it.

    Returns:
        The address of the day's answers in the lake.
    """
    tickers = _tickers()
    plan = penstock.load_plan(FILES / "open_close.yaml")
    if limit := penstock.variable("polygon_limit"):
        plan = replace(plan, limit=penstock.Limit.parse(limit))
    target = f"lake:market/open_close/{date.fromisoformat(day)}"
    rows = [{"ticker": ticker, "day": day} for ticker in tickers]
    penstock.land(plan, target, rows=rows, label=",".join(tickers), again=again == "True")
    return target


def flatten_market_data(landed: str, day: str) -> str:
    """Load one row for each answer that holds prices; rows that do not fit go to quarantine.

    Args:
        landed: The address of the answers. If a ticker has two answers, the later one is loaded and the earlier one
            goes to quarantine.

    Returns:
        The address of the table.
    """
    penstock.copy(landed, FLAT, order_by="answered_at", **_of_day(day))
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


def _tickers() -> list[str]:
    text = penstock.variable("market_tickers") or ""
    tickers = [one.strip() for one in text.split(",") if one.strip()]
    if not tickers:
        raise penstock.UsageError(
            "market_tickers is empty", hint="penstock variable set market_tickers AAPL,IBM"
        )
    return tickers
