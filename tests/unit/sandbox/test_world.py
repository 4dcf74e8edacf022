"""The data behind the services, held against the packages' own files."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from penstock.environments.secret_detection import SANDBOX_KEYS
from penstock.model.errors import UsageError
from penstock_sandbox.cities import read_cities
from penstock_sandbox.fault_injection import KEYS, Failures, Limiter, Switch
from penstock_sandbox.prices import read_prices
from penstock_sandbox.state import parse_settings
from penstock_sandbox.stations import FIRST, HOURS, MissingData, data_file, read_stations
from penstock_sandbox.weather import Weather, condition_of, rise_and_set

NEW_YORK = (40.71427, -74.00597)
LOS_ANGELES = (34.05223, -118.24368)


@pytest.fixture(scope="module")
def weather() -> Weather:
    return Weather(read_cities())


def test_prices_are_those_of_the_file_to_the_last_digit() -> None:
    with gzip.open(data_file("bokeh_sampledata", "_data", "stocks.csv.gz"), "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["Date"].startswith("2013-02")]
    assert len(rows) == 5 * 19
    for row in rows:
        found = read_prices().on(row["Ticker"], row["Date"])
        assert found is not None
        assert Decimal(repr(found.close)) == Decimal(row["Close"])
        assert Decimal(repr(found.open)) == Decimal(row["Open"])
        assert found.volume == int(row["Volume"])


def test_a_station_without_a_reading_gives_the_one_before() -> None:
    newark = read_stations()["EWR"]
    measured = newark.hours()
    gaps = sorted(set(range(FIRST, FIRST + HOURS)) - set(measured))
    assert gaps  # the real record has some
    for gap in gaps:
        assert newark.at(gap) == newark.at(gap - 1)


def test_every_hour_of_the_month_has_weather_everywhere(weather: Weather) -> None:
    first = datetime(2013, 2, 1, tzinfo=UTC)
    for place in (NEW_YORK, LOS_ANGELES, (21.3, -157.86), (0.0, 0.0)):
        for hour in range(HOURS):
            moment = first + timedelta(hours=hour)
            reading = weather.reading(weather.place(*place), moment)
            assert 0 <= moment.timestamp() - reading.measured <= 3 * 3600
            assert reading.coldest_f <= reading.temperature_f <= reading.warmest_f


def test_near_an_airport_it_is_the_airports_own(weather: Weather) -> None:
    moment = datetime(2013, 2, 4, 17, tzinfo=UTC)
    reading = weather.reading(weather.place(*NEW_YORK), moment)
    assert reading.temperature_f == read_stations()["LGA"].at(int(moment.timestamp()) // 3600).temperature_f


def test_far_away_it_is_the_same_hour_of_the_local_clock(weather: Weather) -> None:
    noon = datetime(2013, 2, 4, 20, tzinfo=UTC)  # 12:00 in Los Angeles; in New York it is 12:00 at 17:00 UTC
    place = weather.place(*LOS_ANGELES)
    reading = weather.reading(place, noon)
    there = read_stations()[place.station].at(int(noon.timestamp()) // 3600 - 3)
    assert reading.seen == there
    assert reading.measured == noon.timestamp()
    assert reading.temperature_f == pytest.approx(there.temperature_f + (40.6925 - LOS_ANGELES[0]) * 9 / 5)


def test_another_month_has_the_same_day_of_the_demo_month(weather: Weather) -> None:
    place = weather.place(*NEW_YORK)
    later = weather.reading(place, datetime(2026, 11, 4, 17, 30, tzinfo=UTC))
    assert later.seen == weather.reading(place, datetime(2013, 2, 4, 17, tzinfo=UTC)).seen
    assert later.measured == datetime(2026, 11, 4, 17, tzinfo=UTC).timestamp()
    thirtieth = weather.reading(place, datetime(2026, 3, 30, 17, tzinfo=UTC))
    assert thirtieth.seen == weather.reading(place, datetime(2013, 2, 2, 17, tzinfo=UTC)).seen


def test_conditions_follow_what_was_measured() -> None:
    seen = [read_stations()["JFK"].at(hour) for hour in range(FIRST, FIRST + HOURS)]
    for one in seen:
        condition = condition_of(one, freezing=one.temperature_f <= 32)
        assert (condition.main in ("Rain", "Snow")) == (one.rain_in > 0)
        if one.rain_in > 0:
            assert (condition.main == "Snow") == (one.temperature_f <= 32)
    assert len({condition_of(one, freezing=False).id for one in seen}) >= 8


def test_the_sun_of_new_york() -> None:
    midnight = int(datetime(2013, 2, 1, 5, tzinfo=UTC).timestamp())
    rise, sets = rise_and_set(midnight, *NEW_YORK)
    # The almanac: 7:06 and 17:13, Eastern time.
    assert abs(rise - datetime(2013, 2, 1, 12, 6, tzinfo=UTC).timestamp()) < 90
    assert abs(sets - datetime(2013, 2, 1, 22, 13, tzinfo=UTC).timestamp()) < 90
    assert rise_and_set(midnight, 80.0, 0.0) == (0, 0)


def test_a_missing_package_is_named_with_what_to_do() -> None:
    with pytest.raises(MissingData, match="nowhere-data") as caught:
        data_file("nowhere_data", "prices.csv")
    assert caught.value.hint == "pip install 'penstock[gallery]'"


def test_a_window_slides() -> None:
    now = [0.0]
    limiter = Limiter(60, now=lambda: now[0])
    for now[0] in (0.0, 30.0, 59.0):
        assert limiter.wait_s("key", 3) == 0
    now[0] = 59.5
    assert limiter.wait_s("key", 3) == pytest.approx(0.5)
    assert limiter.wait_s("other", 3) == 0
    now[0] = 60.0
    assert limiter.wait_s("key", 3) == 0
    assert limiter.wait_s("key", 3) == pytest.approx(30.0)


def test_every_key_of_the_sandbox_may_stand_in_a_file() -> None:
    assert {key for keys in KEYS.values() for key in keys} == SANDBOX_KEYS


def test_switches_do_not_disturb_one_another() -> None:
    alone = Failures({"weather": {"error": Switch(share=0.5)}}, seed=3)
    both = Failures({"weather": {"error": Switch(share=0.5), "drop": Switch(share=0.5)}}, seed=3)
    requests = [f"/data/2.5/weather?lat={number}" for number in range(200)]
    errors = [
        ["error" in failures.of("weather", request) for request in requests] for failures in (alone, both)
    ]
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"switches": {"weather": {"error": {"share": 2}}}}',
            "switches.weather.error.share: .*less than or equal to 1",
        ),
        ('{"sed": 1}', "sed: Extra inputs"),
        ("{", "the text: Invalid JSON"),
        ("nowhere.json", "cannot read the sandbox settings nowhere.json"),
    ],
    ids=["too much", "unknown", "no json", "no file"],
)
def test_settings_that_mean_nothing(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_settings(text)
