"""Daily historical prices of five shares, read once from a data package."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from penstock_sandbox.stations import data_file

# The names of the five tickers from Polygon's reference data, because the data package lacks them.
NAMES = {
    "AAPL": "Apple Inc.",
    "FB": "Facebook, Inc. Class A Common Stock",
    "GOOG": "Google Inc.",
    "IBM": "International Business Machines Corporation",
    "MSFT": "Microsoft Corp",
}


@dataclass(frozen=True, slots=True)
class DayPrices:
    """One ticker's trading day. Prices are in dollars, with the original digits.

    Args:
        day: Date in ISO 8601.
        volume: Number of shares traded.
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
        """The tickers in alphabetical order."""
        return tuple(sorted(self._by_ticker))

    def on(self, ticker: str, day: str) -> DayPrices | None:
        """Return the ticker's day; None for a day without trading or an unknown ticker."""
        return self._days.get((ticker, day))

    def between(self, ticker: str, first: str, last: str) -> list[DayPrices]:
        """Return the ticker's days from the first to the last, inclusive."""
        days = self._by_ticker.get(ticker, [])
        start = bisect_left(days, first, key=lambda one: one.day)
        end = bisect_left(days, last + "~", key=lambda one: one.day)
        return days[start:end]


@cache
def read_prices() -> Prices:
    """Read the prices of the package `bokeh_sampledata`: March 2000 to March 2013, unadjusted.

    Raises:
        MissingData: The package is not installed.
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
