"""What a market table has to hold, from the file that the sandbox has its prices from."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from penstock_sandbox.stations import data_file


def expected(*days: str) -> list[tuple[Any, ...]]:
    """The table, with these days in it."""
    return expected_of(lambda day: day in days)


def expected_of(is_meant: Callable[[str], bool]) -> list[tuple[Any, ...]]:
    """The table, with the days for which this holds."""
    with gzip.open(data_file("bokeh_sampledata", "_data", "stocks.csv.gz"), "rt") as file:
        rows = [row for row in csv.DictReader(file) if is_meant(row["Date"])]
    return sorted(
        (
            date.fromisoformat(row["Date"]),
            row["Ticker"],
            *(Decimal(row[name]) for name in ("Open", "High", "Low", "Close")),
            Decimal(row["Close"]) - Decimal(row["Open"]),
            Decimal(row["Volume"]),
        )
        for row in rows
    )
