"""Daily prices of five shares, as they were printed: read once, never computed anew."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from penstock_sandbox.datasets import data_file

# What the data package does not say of its five tickers, as Polygon's reference data has it.
NAMES = {
    "AAPL": "Apple Inc.",
    "FB": "Facebook, Inc. Class A Common Stock",
    "GOOG": "Google Inc.",
    "IBM": "International Business Machines Corporation",
    "MSFT": "Microsoft Corp",
}


@dataclass(frozen=True, slots=True)
class DayPrices:
    """One ticker's trading day. Prices are dollars, as many digits as the exchange's record holds.

    Args:
        day: As ISO 8601.
        volume: Shares traded.
    """

    ticker: str
    day: str
    open: float
    high: float
    low: float
    close: float
    volume: int


class Prices:
    """The prices of all tickers, by day.

    Example:
        >>> read_prices().on("AAPL", "2013-02-04").close
        442.316
        >>> read_prices().on("AAPL", "2013-02-18") is None  # Presidents' Day
        True
    """

    def __init__(self, days: Sequence[DayPrices]) -> None:
        self._days = {(one.ticker, one.day): one for one in days}
        self._by_ticker: dict[str, list[DayPrices]] = {}
        for one in sorted(days, key=lambda one: one.day):
            self._by_ticker.setdefault(one.ticker, []).append(one)

    @property
    def tickers(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted(self._by_ticker))

    def on(self, ticker: str, day: str) -> DayPrices | None:
        """The ticker's day; None for a day without trading, or a ticker that is not known."""
        return self._days.get((ticker, day))

    def between(self, ticker: str, first: str, last: str) -> list[DayPrices]:
        """The ticker's days from the first to the last, both included."""
        days = self._by_ticker.get(ticker, [])
        start = bisect_left(days, first, key=lambda one: one.day)
        end = bisect_left(days, last + "~", key=lambda one: one.day)
        return days[start:end]


@cache
def read_prices() -> Prices:
    """The prices of the package `bokeh_sampledata`, March 2000 to March 2013, unadjusted.

    Raises:
        MissingData: If the package is not installed.
    """
    with gzip.open(data_file("bokeh_sampledata", "_data", "stocks.csv.gz"), "rt", encoding="utf-8") as file:
        return Prices(
            [
                DayPrices(
                    row["Ticker"],
                    row["Date"],
                    float(row["Open"]),
                    float(row["High"]),
                    float(row["Low"]),
                    float(row["Close"]),
                    int(row["Volume"]),
                )
                for row in csv.DictReader(file)
            ]
        )
