"""Weather from the sandbox to the last table, held against a computation of its own in plain Python."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from tests.integration.gallery.conftest import RunDag, Session

import penstock
from penstock.model.errors import UsageError
from penstock.rest.landing import load_plan
from penstock_sandbox.client import Sandbox
from penstock_sandbox.state import Settings

HOUR = timedelta(hours=1)
TABLES = ("readings", "current_weather", "city_day_summary_temperature", "city_hour_temperature")
CITIES = {5128581: "America/New_York", 5101798: "America/New_York", 5368361: "America/Los_Angeles"}
CHOSEN = "New York City; Newark, NJ; Los Angeles"
CENT = Decimal("0.01")

# City and time of a measurement -> kelvin.
Readings = dict[tuple[int, datetime], Decimal]


@dataclass
class Pipeline:
    """What both DAGs do, without Airflow."""

    project: Path
    weather: ModuleType
    session: Session
    chosen: bool = False
    max_gap: int = 6

    @property
    def sql(self) -> Path:
        return self.project / "dags" / "weather"

    def fetch(self, moment: datetime) -> None:
        if not self.chosen:
            assert self.weather.choose_cities() == len(CITIES)
            self.chosen = True
        plan = load_plan(
            self.sql / "current.yaml",
            lambda text: text.replace("{{ var.value.openweathermap_limit }}", "1000/second"),
        )
        target = f"lake:weather/current/{moment:%Y-%m-%dT%H-%M-%S}"
        penstock.land(plan, target, values={"moment": int(moment.timestamp())}, label="now")
        penstock.copy(target, self.weather.RAW, mode="merge")

    def transform(self) -> str:
        """Build and check the tables; return what the check of the hours says of gaps."""
        for table in TABLES:
            sql = (self.sql / f"{table}.sql").read_text()
            sql = sql.replace("{{ var.value.weather_max_gap_hours }}", str(self.max_gap))
            with self.session.transaction():
                self.session.execute(sql.encode())
        for table in TABLES:
            with self.session.cursor() as cursor:
                row = cursor.execute((self.sql / "checks" / f"{table}.sql").read_bytes()).fetchone()
                assert row is not None
                assert all(row), (table, cursor.description, row)
                said = str(row[-1])
        return said


@pytest.fixture
def pipeline(world: Path, weather: ModuleType, session: Session, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    base = world / "environments" / "base.yaml"
    lines = base.read_text().splitlines()
    base.write_text("\n".join(line for line in lines if "weather_cities" not in line))
    monkeypatch.setenv("AIRFLOW_VAR_WEATHER_CITIES", CHOSEN)
    made = Pipeline(world, weather, session)
    session.execute((made.sql / "create_tables.sql").read_bytes())
    return made


# -- the computation of its own


def rounded(number: Decimal) -> Decimal:
    return number.quantize(CENT, ROUND_HALF_UP)


def mean(numbers: Iterable[Decimal]) -> Decimal:
    found = list(numbers)
    return sum(found, Decimal()) / len(found)


def days_of(readings: Readings, zones: Mapping[int, str]) -> dict[tuple[int, date], tuple[Any, ...]]:
    days: dict[tuple[int, date], list[Decimal]] = defaultdict(list)
    for (city, moment), kelvin in readings.items():
        days[city, moment.astimezone(ZoneInfo(zones[city])).date()].append(kelvin)
    return {
        key: (len(found), min(found), max(found), rounded(mean(found))) for key, found in sorted(days.items())
    }


def hours_of(readings: Readings, max_gap: int) -> dict[tuple[int, datetime], tuple[Any, ...]]:
    by_city: dict[int, dict[datetime, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for (city, moment), kelvin in readings.items():
        by_city[city][moment.replace(minute=0, second=0)].append(kelvin)
    found = {}
    for city, measured in sorted(by_city.items()):
        known = {hour: mean(numbers) for hour, numbers in measured.items()}
        hours = [min(known) + HOUR * number for number in range((max(known) - min(known)) // HOUR + 1)]
        values = {hour: line(known, hour, max_gap) for hour in hours}
        for hour, value in values.items():
            if value is not None:
                last_five = [values.get(hour - HOUR * back) for back in range(5)]
                average = mean(one for one in last_five if one is not None)
                found[city, hour] = (len(measured.get(hour, [])), rounded(value), rounded(average))
    return found


def line(known: dict[datetime, Decimal], hour: datetime, max_gap: int) -> Decimal | None:
    if hour in known:
        return known[hour]
    before = max(one for one in known if one < hour)
    behind = min(one for one in known if one > hour)
    if (behind - before) // HOUR > max_gap + 1:
        return None
    share = Decimal((hour - before) // HOUR) / Decimal((behind - before) // HOUR)
    return known[before] + (known[behind] - known[before]) * share


def stored(session: Session, table: str, columns: str) -> dict[Any, tuple[Any, ...]]:
    rows = session.execute(f"SELECT {columns} FROM weather.{table} ORDER BY 1, 2").fetchall()
    return {row[:2]: row[2:] for row in rows}


def assert_tables(session: Session, readings: Readings, zones: Mapping[int, str], max_gap: int = 6) -> None:
    assert {key: row[0] for key, row in stored(session, "readings", READING).items()} == readings
    days = stored(session, "city_day_summary_temperature", DAY)
    assert days == days_of(readings, zones)
    assert_close(stored(session, "city_hour_temperature", AN_HOUR), hours_of(readings, max_gap))
    newest = {city: max(moment for one, moment in readings if one == city) for city in zones}
    shown = stored(session, "current_weather", "city_id, measured_at, temperature_k")
    assert shown == {(city, moment): (readings[city, moment],) for city, moment in newest.items()}


READING = "city_id, measured_at, temperature_k"
DAY = "city_id, day, readings, min_temperature_k, max_temperature_k, avg_temperature_k"
AN_HOUR = "city_id, hour, readings, temperature_k, moving_average_k"


def assert_close(got: dict[Any, tuple[Any, ...]], expected: dict[Any, tuple[Any, ...]]) -> None:
    """Equal, but for the last digit where a third was cut off somewhere else."""
    assert got.keys() == expected.keys()
    for key, row in expected.items():
        assert got[key][0] == row[0], key
        assert all(abs(one - other) <= CENT for one, other in zip(got[key][1:], row[1:], strict=True)), key


# -- the tests


def test_a_day_with_gaps_a_late_reading_and_repeated_ones(pipeline: Pipeline, sandbox: Sandbox) -> None:
    first = datetime(
        2013, 2, 20, 14, tzinfo=UTC
    )  # Newark did not measure at 19:00 that day, nor at 05:00 the next
    skipped = {3, 4, 11}
    late = 9  # brings the reading of five hours ago: one that was skipped
    readings: Readings = {}
    for number in range(14):
        if number in skipped:
            continue
        moment = first + HOUR * number
        if number == late:
            switches = {"weather": {"late": {"share": 1, "hours": 5}}}
            sandbox.apply(Settings.model_validate({"switches": switches}))
        pipeline.fetch(moment)
        sandbox.apply(Settings())
        readings |= asked(sandbox, pipeline.session, moment - (5 * HOUR if number == late else timedelta()))
        if number in (2, 8, 9, 12):
            pipeline.transform()
    pipeline.transform()  # with nothing new
    newark = sorted(moment for city, moment in readings if city == 5101798)
    assert (
        datetime(2013, 2, 20, 19, tzinfo=UTC) not in newark
    )  # its answer then was the reading of 18:00 once more
    assert_tables(pipeline.session, readings, CITIES)
    filled = pipeline.session.execute(
        "SELECT count(*) FROM weather.city_hour_temperature WHERE is_filled"
    ).fetchone()
    assert filled is not None
    assert filled[0] >= 5
    both = "SELECT DISTINCT temperature_k - temperature_c FROM weather."
    for table in ("readings", "current_weather", "city_hour_temperature"):
        assert pipeline.session.execute(both + table).fetchall() == [(Decimal("273.15"),)]


def asked(sandbox: Sandbox, session: Session, moment: datetime) -> Readings:
    """What the service says of the cities at a moment, asked for by the test itself."""
    cities = session.execute("SELECT city_id, latitude, longitude FROM weather.cities").fetchall()
    readings = {}
    for city, latitude, longitude in cities:
        answer = httpx.get(
            f"{sandbox.url}/data/2.5/weather",
            params={
                "lat": str(latitude),
                "lon": str(longitude),
                "dt": str(int(moment.timestamp())),
                "appid": "sandbox-weather-paid",
            },
            trust_env=False,
        ).json()
        measured = datetime.fromtimestamp(answer["dt"], UTC)
        readings[city, measured] = Decimal(str(answer["main"]["temp"]))
    return readings


def test_a_fetch_that_is_repeated_asks_nothing_and_changes_nothing(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    moment = datetime(2013, 2, 4, 12, tzinfo=UTC)
    pipeline.fetch(moment)
    pipeline.transform()
    versions = " UNION ALL ".join(f"SELECT '{table}', xmin::text FROM weather.{table}" for table in TABLES)
    before = pipeline.session.execute(versions).fetchall()
    calls = sandbox.calls(last=0)["counts"]
    pipeline.fetch(moment)
    pipeline.transform()
    assert pipeline.session.execute(versions).fetchall() == before
    assert sandbox.calls(last=0)["counts"] == calls == {"weather": {"200": 3}}


def test_a_fetch_that_is_repeated_asks_for_cities_that_were_added_since(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime(2013, 2, 4, 12, tzinfo=UTC)
    pipeline.fetch(moment)
    monkeypatch.setenv("AIRFLOW_VAR_WEATHER_CITIES", f"{CHOSEN}; Boston; Chicago")
    pipeline.weather.choose_cities()
    pipeline.fetch(moment)
    assert sandbox.calls(last=0)["counts"] == {"weather": {"200": 5}}
    assert pipeline.session.execute("SELECT count(*) FROM weather.raw_current_weather").fetchone() == (5,)


def test_what_does_not_fit_is_kept_aside_and_the_lake_can_be_loaded_again(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    moment = datetime(2013, 2, 4, 12, tzinfo=UTC)
    switches = {
        "wrong_type": {"share": 1, "match": "lat=40.71427"},
        "missing_field": {"share": 1, "match": "lat=34", "field": "main.temp"},
    }
    sandbox.apply(Settings.model_validate({"switches": {"weather": switches}}))
    pipeline.fetch(moment)
    found = pipeline.session.execute(
        'SELECT reason, "column" FROM penstock_ledger.rejects ORDER BY reason'
    ).fetchall()
    assert found == [("bad_type", "temperature_k"), ("missing", "temperature_k")]
    raw = "SELECT city_id, measured FROM weather.raw_current_weather"
    assert pipeline.session.execute(raw).fetchall() == [(5101798, int(moment.timestamp()))]
    # The answers are all there: with a table that asks for less they are loaded, without another call.
    calls = sandbox.calls(last=0)["counts"]
    pipeline.session.execute("ALTER TABLE weather.raw_current_weather ALTER temperature_k DROP NOT NULL")
    landed = f"lake:weather/current/{moment:%Y-%m-%dT%H-%M-%S}"
    result = penstock.copy(landed, pipeline.weather.RAW, mode="merge", again=True)
    assert (result.loaded, result.rejected) == (2, 1)
    assert sandbox.calls(last=0)["counts"] == calls


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 8))])
def test_any_order_of_arrival_leaves_the_same_tables(pipeline: Pipeline, seed: int) -> None:
    """Readings at odd minutes, in any order, some of them corrected, taken in bit by bit."""
    chance = random.Random(seed)
    pipeline.max_gap = 1
    begin = datetime(2013, 2, 3, tzinfo=UTC)
    moments = chance.sample([begin + timedelta(minutes=20 * number) for number in range(150)], 40)
    zones = {1: "America/New_York", 2: "Asia/Kolkata"}
    for city, zone in zones.items():
        pipeline.session.execute(
            "INSERT INTO weather.cities VALUES (%s, 'city', 'NY', 40, -74, %s, 1, true)", [city, zone]
        )
    arrivals = [(city, moment) for city in zones for moment in moments]
    arrivals += chance.sample(arrivals, 10)  # corrected
    chance.shuffle(arrivals)
    readings: Readings = {}
    for number, (city, moment) in enumerate(arrivals):
        readings[city, moment] = Decimal(chance.randrange(25000, 30000)) / 100
        add_raw(pipeline.session, number, city, moment, readings[city, moment])
        if chance.random() < 0.15:
            pipeline.transform()
    assert "hours without rows" in pipeline.transform()
    assert_tables(pipeline.session, readings, zones, max_gap=1)
    pipeline.max_gap = 2  # a changed setting counts for all hours
    pipeline.transform()
    assert_tables(pipeline.session, readings, zones, max_gap=2)
    pipeline.max_gap = 0
    pipeline.transform()
    assert_tables(pipeline.session, readings, zones, max_gap=0)


def test_years_without_readings_stay_a_gap(pipeline: Pipeline) -> None:
    """An hour of today beside a day of 2013 used to fill everything between, for each city."""
    pipeline.session.execute(
        "INSERT INTO weather.cities VALUES (1, 'Stamford', 'CT', 40, -74, 'UTC', 1, true)"
    )
    hours = [datetime(2013, 2, 4, hour, tzinfo=UTC) for hour in range(24) if hour not in (3, 4, 5, 6, 7, 8)]
    readings: Readings = {}
    for number, moment in enumerate([*hours, datetime(2026, 1, 5, 10, tzinfo=UTC)]):
        readings[1, moment] = Decimal(270 + number)
        add_raw(pipeline.session, number, 1, moment, readings[1, moment])
    assert pipeline.transform() == (
        "gaps: 1, hours without rows: 113218, latest: Stamford from 2013-02-05 00:00 to 2026-01-05 09:00 UTC"
    )
    assert_tables(pipeline.session, readings, {1: "UTC"})
    counts = "SELECT count(*), count(*) FILTER (WHERE is_filled) FROM weather.city_hour_temperature"
    assert pipeline.session.execute(counts).fetchone() == (25, 6)
    pipeline.max_gap = 5
    assert pipeline.transform().startswith("gaps: 2,")
    assert pipeline.session.execute(counts).fetchone() == (19, 0)


def add_raw(session: Session, number: int, city: int, moment: datetime, kelvin: Decimal) -> None:
    session.execute(
        "INSERT INTO weather.raw_current_weather (city_id, answered_at, place_id, place_name, longitude, latitude,"
        " conditions, temperature_k, measured) VALUES (%s, timestamptz '2013-03-01Z' + %s * interval '1 second', 1, '',"
        """ 0, 0, '[{"id": 800, "main": "Clear", "description": "clear sky"}]', %s, %s)""",
        [city, number, kelvin, int(moment.timestamp())],
    )


def test_answers_of_a_slow_loader_are_not_passed_over(
    pipeline: Pipeline, session: Session, other_session: Callable[[], Session]
) -> None:
    session.execute("INSERT INTO weather.cities VALUES (1, 'city', 'NY', 40, -74, 'UTC', 1, true)")
    begin = datetime(2013, 2, 3, tzinfo=UTC)
    slow = other_session()
    slow.autocommit = False
    add_raw(slow, 1, 1, begin, Decimal("271.00"))  # its transaction began first
    add_raw(session, 2, 1, begin + HOUR, Decimal("272.00"))
    pipeline.transform()
    slow.commit()
    pipeline.transform()
    assert len(stored(session, "readings", READING)) == 2


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("New York City; Portland, ME; portland", ["New York City ", "Portland ME", "Portland OR"]),
        ("largest 2", ["New York City", "Los Angeles"]),
    ],
    ids=["by name", "the largest"],
)
def test_cities_by_name_and_by_size(weather: ModuleType, text: str, names: list[str]) -> None:
    found = list(weather.cities_of(text, weather.us_cities()))
    for city, name in zip(found, names, strict=True):
        assert f"{city['name']} {city['admin1code']}".startswith(name)


def test_a_city_that_there_is_not(weather: ModuleType) -> None:
    with pytest.raises(UsageError, match="unknown city 'Atlantis'"):
        list(weather.cities_of("Boston; Atlantis", weather.us_cities()))


@pytest.mark.timeout(300)
@pytest.mark.soak
def test_both_dags(pipeline: Pipeline, run_dag: RunDag, session: Session) -> None:
    run_dag("fetcher", "--date", "2013-02-04T10:00")
    ended = run_dag("transformer", "--date", "2013-02-04")
    assert {event["task"] for event in ended} == {*TABLES, *(f"check_{table}" for table in TABLES)}
    hour = datetime(2013, 2, 4, 10, tzinfo=UTC)
    assert set(stored(session, "readings", READING)) == {(city, hour) for city in CITIES}
