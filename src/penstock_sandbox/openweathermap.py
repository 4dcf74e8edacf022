"""The weather service in OpenWeatherMap's documented format: current weather by coordinates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from penstock_sandbox.http import Answer, Asked, json_answer
from penstock_sandbox.weather import Place, Reading, Weather, condition_of, rise_and_set

PATH = "/data/2.5/weather"

_MPH_IN_M_S = 0.44704
_INCH_IN_MM = 25.4
_MILE_IN_M = 1609.344
_FURTHEST_M = 10_000
_DAY_S = 86_400
_FREEZING_F = 32.0


def _kelvin(fahrenheit: float) -> float:
    return round((fahrenheit - 32) * 5 / 9 + 273.15, 2)


def _celsius(fahrenheit: float) -> float:
    return round((fahrenheit - 32) * 5 / 9, 2)


def _as_is(fahrenheit: float) -> float:
    return round(fahrenheit, 2)


# Value of `units` -> temperature conversion, and conversion of wind speed from miles per hour.
_UNITS: dict[str, tuple[Callable[[float], float], float]] = {
    "standard": (_kelvin, _MPH_IN_M_S),
    "metric": (_celsius, _MPH_IN_M_S),
    "imperial": (_as_is, 1.0),
}


class OpenWeatherMap:
    """Answers with the weather of the demo month."""

    name = "weather"
    key_parameter = "appid"

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._cached = lru_cache(maxsize=50_000)(self._current)

    def unknown_key(self) -> Answer:
        """Return 401 with the service's message."""
        message = "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info."
        return json_answer(401, {"cod": 401, "message": message})

    def over_limit(self) -> Answer:
        """Return 429 with the service's message."""
        message = (
            "Your account is temporary blocked due to exceeding of requests limitation of your subscription type."
            " Please choose the proper subscription https://openweathermap.org/price"
        )
        return json_answer(429, {"cod": 429, "message": message})

    def answer(self, asked: Asked) -> Answer:
        """Return the weather at the logical time; 400 for invalid coordinates, 404 for any other path."""
        if asked.path != PATH:
            return json_answer(404, {"cod": "404", "message": "Internal error"})
        latitude, longitude = asked.parameters.get("lat", ""), asked.parameters.get("lon", "")
        if not latitude and not longitude:
            return json_answer(400, {"cod": "400", "message": "Nothing to geocode"})
        place = _number(latitude, 90), _number(longitude, 180)
        if place[0] is None:
            return json_answer(400, {"cod": "400", "message": "wrong latitude"})
        if place[1] is None:
            return json_answer(400, {"cod": "400", "message": "wrong longitude"})
        moment = asked.moment or datetime.now(UTC)
        units = asked.parameters.get("units", "standard")
        hour = int(moment.timestamp()) // 3600
        return self._cached(place[0], place[1], hour, units if units in _UNITS else "standard")

    def duplicate(self, asked: Asked) -> Answer:
        """Return the reading of the previous hour again."""
        return self.late(asked, 1)

    def late(self, asked: Asked, hours: int) -> Answer:
        """Return a reading that is this many hours old."""
        moment = (asked.moment or datetime.now(UTC)) - timedelta(hours=hours)
        return self.answer(
            Asked(path=asked.path, parameters=asked.parameters, moment=moment, base=asked.base)
        )

    def field(self, asked: Asked) -> str:  # noqa: ARG002  # there is but one shape
        """Return the temperature."""
        return "main.temp"

    def _current(self, latitude: float, longitude: float, hour: int, units: str) -> Answer:
        moment = datetime.fromtimestamp(hour * 3600, UTC)
        place = self._weather.place(latitude, longitude)
        reading = self._weather.reading(place, moment)
        return json_answer(200, _document(place, reading, place.offset_s(moment), units))


def _document(place: Place, reading: Reading, offset_s: int, units: str) -> dict[str, Any]:
    """Return the complete current-weather object."""
    degrees, of_mph = _UNITS[units]
    seen = reading.seen
    midnight = (reading.measured + offset_s) // _DAY_S * _DAY_S - offset_s
    rise, sets = rise_and_set(midnight, place.latitude, place.longitude)
    freezing = reading.temperature_f <= _FREEZING_F
    condition = condition_of(seen, freezing=freezing)
    letter = "d" if rise <= reading.measured < sets else "n"
    wind: dict[str, Any] = {"speed": round(seen.wind_mph * of_mph, 2), "deg": seen.wind_from_deg}
    if seen.gust_mph is not None:
        wind["gust"] = round(seen.gust_mph * of_mph, 2)
    fallen = {"snow" if freezing else "rain": {"1h": round(seen.rain_in * _INCH_IN_MM, 2)}}
    return {
        "coord": {"lon": place.longitude, "lat": place.latitude},
        "weather": [
            {
                "id": condition.id,
                "main": condition.main,
                "description": condition.description,
                "icon": condition.icon + letter,
            }
        ],
        "base": "stations",
        "main": {
            "temp": degrees(reading.temperature_f),
            "feels_like": degrees(_feels_like(reading.temperature_f, seen.wind_mph)),
            "temp_min": degrees(reading.coldest_f),
            "temp_max": degrees(reading.warmest_f),
            "pressure": round(seen.pressure_hpa),
            "humidity": round(seen.humidity),
        },
        "visibility": min(_FURTHEST_M, round(seen.visibility_mi * _MILE_IN_M)),
        "wind": wind,
        "clouds": {"all": condition.clouds},
        **(fallen if seen.rain_in > 0 else {}),
        "dt": reading.measured,
        "sys": {"type": 2, "id": _NETWORK[place.station], "country": "US", "sunrise": rise, "sunset": sets},
        "timezone": offset_s,
        "id": place.city.id if place.city else 0,
        "name": place.city.name if place.city else "",
        "cod": 200,
    }


_NETWORK = {"EWR": 2_000_001, "JFK": 2_000_002, "LGA": 2_000_003}


def _feels_like(fahrenheit: float, wind_mph: float) -> float:
    """Return the wind chill by the formula of the US weather service; outside its range, the temperature itself."""
    if fahrenheit > 50 or wind_mph < 3:  # the formula's range
        return fahrenheit
    wind: float = wind_mph**0.16
    return 35.74 + 0.6215 * fahrenheit + (0.4275 * fahrenheit - 35.75) * wind


def _number(text: str, most: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if -most <= number <= most else None
