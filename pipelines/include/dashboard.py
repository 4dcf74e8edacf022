"""The dashboard refresh: the exchange's calendar, and the operations tables to replicate. Does not import Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import penstock

PROJECT = Path(__file__).resolve().parents[1]
OPERATIONS = "postgres_daily_operational_conn"
BUCKET = "replication-bucket"


@dataclass(frozen=True, slots=True)
class Replicated:
    """A table of daily_operations that is replicated to the dashboard's warehouse.

    Args:
        day: The column that holds the day.
    """

    table: str
    day: str


TABLES = (
    Replicated("guest_attendance", "admission_date"),
    Replicated("inventory", "inventory_date"),
    Replicated("item_sales", "sales_date"),
    Replicated("labor", "labor_date"),
)


def is_market_open(day: str) -> bool:
    """Return whether the New York Stock Exchange is open on this day, by its own calendar.

    Example:
        >>> is_market_open("2013-02-15"), is_market_open("2013-02-16"), is_market_open("2013-02-18")
        (True, False, False)
    """
    from exchange_calendars import get_calendar

    # Building a calendar of a few days is much faster than one of thirty years.
    around = date.fromisoformat(day)
    calendar = get_calendar("XNYS", start=around - timedelta(days=7), end=around + timedelta(days=7))
    return bool(calendar.is_session(around.isoformat()))


def prepare_operations() -> list[str]:
    """Generate a month of operations and load it, if the variable `operations_data` names a folder.

    `daily_operations_view_update` makes the same copies; the second caller finds them already done.

    Returns:
        The loaded tables.
    """
    folder = penstock.variable("operations_data")
    if not folder:
        return []
    from penstock_sandbox import operations

    with penstock.connect(OPERATIONS) as session, session.transaction():
        session.execute((PROJECT / "dags" / "operations" / "create_operations.sql").read_bytes())
    files = operations.write_operations(PROJECT / folder)
    for table, file in files.items():
        penstock.copy(
            str(file),
            f"{OPERATIONS}:daily_operations.{table}",
            mode="replace",
            pipeline="daily_operations_view_update",
            task="load_operations",
        )
    return list(files)
