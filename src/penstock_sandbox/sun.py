"""Sunrise and sunset, accurate to about a minute, by the almanac's short formula."""

from __future__ import annotations

from math import acos, asin, cos, degrees, radians, sin

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
