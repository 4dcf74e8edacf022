"""Prices of a market day: from the service into the lake, flattened, transformed, loaded.

Ordinary functions, which know nothing of Airflow: both market DAGs and the dashboard's are made of them. Each may be
run again, and leaves what one run leaves. What one hands to the next is an address, never the data.
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
    """Make the tables, where they are missing."""
    with penstock.connect(CONNECTION) as session, session.transaction():
        session.execute((FILES / "create_tables.sql").read_bytes())


def extract_market_data(day: str, again: str = "False") -> str:
    """Ask the service for the day of every ticker of the variable `market_tickers`, and land its answers.

    What has landed is not asked for again, unless `again` says so. On a day without trading the service knows of no
    prices, which is an answer too.

    Args:
        day: The market day, as in 2013-02-04.
        again: "True" or "False", as a template renders.

    Returns:
        Where in the lake the day's answers lie.
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
    """Make a row of each answer that holds prices; those that do not fit go to quarantine.

    Args:
        landed: Where the answers lie. Of two answers for one ticker the later counts, and the other is in quarantine,
            as a row that lost.

    Returns:
        The table.
    """
    penstock.copy(landed, FLAT, order_by="answered_at", **_of_day(day))
    return FLAT


def transform_market_data(flat: str, day: str) -> str:
    """Work out the day's change of each ticker: close less open.

    Args:
        flat: The table of flattened answers.

    Returns:
        The table of what is ready to be loaded.
    """
    query = (FILES / "transform.sql").read_text(encoding="utf-8")
    query = query.replace("{day}", f"DATE '{date.fromisoformat(day)}'")
    penstock.copy(flat.partition(":")[0], STAGED, query=query, **_of_day(day))
    return STAGED


def load_market_data(staged: str, day: str) -> dict[str, Any]:
    """Put the day's rows in the place of those that were there.

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
        raise penstock.UsageError("no tickers", hint="penstock variable set market_tickers AAPL,IBM")
    return tickers
