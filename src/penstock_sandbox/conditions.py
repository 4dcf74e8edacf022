"""Weather conditions from OpenWeatherMap's published list."""

from __future__ import annotations

from dataclasses import dataclass

from penstock_sandbox.stations import Observation


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
