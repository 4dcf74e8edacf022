"""The weather anywhere in the United States at any hour, from measurements of three airports in the demo month.

Within 200 km of an airport, it is the reading of that airport. Elsewhere it is the reading of the nearest airport at
the same local hour, one kelvin colder for each degree of latitude north of it. A time outside the demo month has the
weather of the same hour on the same day of the demo month (after the 28th, counting restarts at day 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import acos, asin, cos, degrees, radians, sin
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


_DAY_S = 86_400
_J2000 = 946_728_000  # noon of 2000-01-01, UTC
_HORIZON = sin(radians(-0.833))  # the sun's upper edge, with atmospheric refraction


def rise_and_set(day_start: int, latitude: float, longitude: float) -> tuple[int, int]:
    """Return sunrise and sunset in seconds since 1970, UTC; 0 and 0 if there are none on that day.

    Args:
        day_start: Local midnight at the start of the day, in seconds since 1970, UTC.

    Example:
        >>> rise_and_set(1359694800, 40.71, -74.0)  # New York, 2013-02-01: 7:05 and 17:13
        (1359720345, 1359756806)
    """
    noon_days = round((day_start + _DAY_S // 2 - _J2000) / _DAY_S)
    transit = noon_days - longitude / 360
    anomaly = radians((357.5291 + 0.98560028 * transit) % 360)
    centre = 1.9148 * sin(anomaly) + 0.02 * sin(2 * anomaly) + 0.0003 * sin(3 * anomaly)
    ecliptic = radians((degrees(anomaly) + centre + 282.9372) % 360)
    transit += 0.0053 * sin(anomaly) - 0.0069 * sin(2 * ecliptic)
    declination = asin(sin(ecliptic) * sin(radians(23.44)))
    phi = radians(latitude)
    cosine = (_HORIZON - sin(phi) * sin(declination)) / (cos(phi) * cos(declination))
    if not -1 <= cosine <= 1:
        return 0, 0
    half = degrees(acos(cosine)) / 360
    return round(_J2000 + (transit - half) * _DAY_S), round(_J2000 + (transit + half) * _DAY_S)


@dataclass(frozen=True, slots=True)
class Condition:
    """A published condition.

    Args:
        icon: Two digits, to which a letter for day or night is added.
        clouds: Cloud cover in percent. The airports do not record it, so it depends on the condition.
    """

    id: int
    main: str
    description: str
    icon: str
    clouds: int


_SNOW = (
    (0.0, Condition(600, "Snow", "light snow", "13", 100)),
    (0.04, Condition(601, "Snow", "snow", "13", 100)),
)
_RAIN = (
    (0.0, Condition(500, "Rain", "light rain", "10", 100)),
    (0.1, Condition(501, "Rain", "moderate rain", "10", 100)),
    (0.3, Condition(502, "Rain", "heavy intensity rain", "10", 100)),
)
_THICK_AIR = (
    (0.62, Condition(741, "Fog", "fog", "50", 90)),
    (3.0, Condition(701, "Mist", "mist", "50", 90)),
    (6.0, Condition(721, "Haze", "haze", "50", 75)),
)
_CLOUDS = (
    (40, Condition(800, "Clear", "clear sky", "01", 0)),
    (55, Condition(801, "Clouds", "few clouds", "02", 20)),
    (70, Condition(802, "Clouds", "scattered clouds", "03", 40)),
    (85, Condition(803, "Clouds", "broken clouds", "04", 70)),
)
_OVERCAST = Condition(804, "Clouds", "overcast clouds", "04", 100)


def condition_of(seen: Observation, *, freezing: bool) -> Condition:
    """Return the condition of an observation, by precipitation, else visibility, else humidity.

    Args:
        freezing: Whether precipitation is snow.
    """
    if seen.rain_in > 0:
        kinds = _SNOW if freezing else _RAIN
        return next(kind for least, kind in reversed(kinds) if seen.rain_in > least)
    for below_mi, thick in _THICK_AIR:
        if seen.visibility_mi < below_mi:
            return thick
    return next((kind for below, kind in _CLOUDS if seen.humidity < below), _OVERCAST)
