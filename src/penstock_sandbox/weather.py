"""The weather anywhere in the United States at any hour, from measurements of three airports in the demo month.

Within 200 km of an airport, it is the reading of that airport. Elsewhere it is the reading of the nearest airport at
the same local hour, one kelvin colder for each degree of latitude north of it. A time outside the demo month has the
weather of the same hour on the same day of the demo month (after the 28th, counting restarts at day 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from penstock_sandbox.cities import EARTH_KM, Cities, City, vectors
from penstock_sandbox.stations import FIRST, STATIONS, Observation, read_stations

NEAR_KM = 200.0
KELVIN_PER_DEGREE = 1.0
_NAMED_KM = 100.0  # farther from any city, a point is in the sea or the wilderness
_STATION_ZONE = "America/New_York"
_DAYS = 28

_NAMES = tuple(STATIONS)
_PLACES = vectors(
    np.array([place[0] for place in STATIONS.values()]), np.array([place[1] for place in STATIONS.values()])
)


@dataclass(frozen=True, slots=True)
class Place:
    """A requested location.

    Args:
        city: The nearest city; None if there is none nearby.
        station: The airport that provides the weather.
        colder_by: Difference to the airport's temperature in kelvin; 0 near it.
    """

    latitude: float
    longitude: float
    city: City | None
    station: str
    colder_by: float

    def offset_s(self, moment: datetime) -> int:
        """Return the local time's offset from UTC in seconds."""
        if self.city is None:
            return round(self.longitude / 15) * 3600
        return _offset_s(self.city.timezone, int(moment.timestamp()) // 3600)


@dataclass(frozen=True, slots=True)
class Reading:
    """The weather at a place.

    Args:
        measured: The measured hour in seconds since 1970; earlier than requested if that hour is a gap.
        seen: The airport's observation, in its units.
        coldest_f: Lowest temperature of the three airports at that hour; adjusted like `temperature_f` and the highest.
    """

    measured: int
    seen: Observation
    temperature_f: float
    dew_point_f: float
    coldest_f: float
    warmest_f: float


class Weather:
    """The weather, by place and moment.

    Args:
        cities: Cities that give locations their names.
    """

    def __init__(self, cities: Cities) -> None:
        self._cities = cities
        self._stations = read_stations()
        self.place = lru_cache(maxsize=50_000)(self._place)

    def _place(self, latitude: float, longitude: float) -> Place:
        nearness = _PLACES @ vectors(np.array([latitude]), np.array([longitude]))[0]
        index = int(np.argmax(nearness))
        distance_km = EARTH_KM * float(np.arccos(min(1.0, nearness[index])))
        station = _NAMES[index]
        city, away_km = self._cities.nearest(latitude, longitude)
        colder_by = 0.0 if distance_km <= NEAR_KM else KELVIN_PER_DEGREE * (latitude - STATIONS[station][0])
        return Place(latitude, longitude, city if away_km <= _NAMED_KM else None, station, colder_by)

    def reading(self, place: Place, moment: datetime) -> Reading:
        """Return the weather at the full hour before the moment, or at the last measured hour before that."""
        hour = int(moment.timestamp()) // 3600
        ahead_s = place.offset_s(moment) - _offset_s(_STATION_ZONE, hour)
        asked = _in_month(moment) + (ahead_s // 3600 if place.colder_by else 0)
        seen = self._stations[place.station].at(asked)
        others = [station.at(seen.hour).temperature_f for station in self._stations.values()]
        shift_f = place.colder_by * 9 / 5
        return Reading(
            (hour - (asked - seen.hour)) * 3600,
            seen,
            seen.temperature_f - shift_f,
            seen.dew_point_f - shift_f,
            min(others) - shift_f,
            max(others) - shift_f,
        )


def _in_month(moment: datetime) -> int:
    """Return the hour of the demo month that stands for this moment."""
    return FIRST + (moment.day - 1) % _DAYS * 24 + moment.hour


@lru_cache(maxsize=10_000)
def _offset_s(zone: str, hour: int) -> int:
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
