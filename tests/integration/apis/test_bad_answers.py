"""Answers that the plan does not expect are kept, and their records are rejected with a reason and replayed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import Asked, Behaviour, Say, Service, weather

import penstock
from penstock.model.api import Answers
from penstock.model.errors import SourceError
from penstock.routes import quarantine

TABLE = "CREATE TABLE readings (id int PRIMARY KEY, name text, temperature numeric(6,2) NOT NULL, sky text)"


def spoiled(number: int, body: Any) -> Any:
    """Behaves as usual, but for the request of this number."""
    return lambda asked: Say(body) if asked.query["id"] == str(number) else weather(asked)


def reading(moment: int, value: float) -> Behaviour:
    """Always answers with this one."""
    return lambda asked: Say({"id": 1, "dt": moment, "main": {"temp": value}})


@pytest.mark.parametrize(
    ("body", "reason", "column"),
    [
        (b'{"id": 3, "main": {"temp": 28', "malformed", None),
        (b'{"id": 3, "name": "caf\xe9", "main": {"temp": 280}}', "bad_encoding", None),
        (b"<html>busy</html>", "malformed", None),
        ({"id": 3, "main": {"temp": "warm"}}, "bad_type", "temperature"),
        ({"id": 3, "main": "280"}, "bad_type", "temperature"),
        ({"id": 3, "main": {"humidity": 3}}, "missing", "temperature"),
        ({"id": 3}, "missing", "temperature"),
        ({"id": 3, "main": {"temp": 1e9}}, "out_of_range", "temperature"),
        ({"id": 3, "name": "a\0b", "main": {"temp": 280}}, "bad_encoding", "name"),
    ],
)
def test_a_bad_record_is_kept_with_its_field(
    service: Service, lake: Path, plan: Plan, query: Query, body: Any, reason: str, column: str | None
) -> None:
    query(TABLE)
    service.behave = spoiled(3, body)
    assert penstock.land(plan(), "lake:weather", rows=cities(6)).answers == 6
    result = penstock.copy("lake:weather", "warehouse:readings")
    assert (result.read, result.loaded, dict(result.rejects)) == (6, 5, {reason: 1})
    with quarantine.records("warehouse") as kept:
        (reject,) = kept.rejects(kept.find(result.id)["run"], reason=None, limit=5)
    assert (reject["column"], reject["file"][:13]) == (column, "lake:weather/")
    text = body if isinstance(body, bytes) else Say(body).data
    assert reject["raw"] == text.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


@pytest.mark.parametrize("malformed", ["error", "retry"])
def test_a_truncated_answer_is_requested_again_if_the_plan_says_so(
    service: Service, lake: Path, plan: Plan, query: Query, malformed: str
) -> None:
    query(TABLE)
    service.behave = spoiled(3, b'{"id": 3, "main": {"temp": 28')
    retries = {"attempts": 2, "first_wait_s": 0.01}
    with pytest.raises(SourceError, match="1 of 6 requests has no answer: 1 x the answer is not valid JSON"):
        penstock.land(plan(malformed=malformed, retries=retries), "lake:weather", rows=cities(6), label="now")
    service.behave = weather
    calls = len(service.asked)
    assert calls == {"error": 6, "retry": 7}[malformed]
    assert penstock.land(plan(malformed=malformed), "lake:weather", rows=cities(6), label="now").calls == 1
    assert penstock.copy("lake:weather", "warehouse:readings").rejected == 0


def test_the_same_answer_again_is_a_duplicate(service: Service, lake: Path, plan: Plan, query: Query) -> None:
    query("CREATE TABLE readings (id int PRIMARY KEY, temperature numeric, came timestamptz)")
    columns = {"id": "id", "temperature": "main.temp", "came": "$answered_at"}
    for value in (1.0, 1.0, 2.0):
        service.behave = reading(100, value)
        penstock.land(plan(columns=columns), "lake:weather", label="now", again=True)
    result = penstock.copy("lake:weather", "warehouse:readings", mode="replace", order_by="came")
    assert (result.loaded, result.duplicates, dict(result.rejects)) == (1, 0, {"key_conflict": 2})
    service.behave = reading(100, 2.0)
    penstock.land(plan(columns=columns), "lake:weather", label="now", again=True)
    result = penstock.copy("lake:weather", "warehouse:readings", mode="replace", order_by="came")
    assert (result.loaded, result.duplicates, dict(result.rejects)) == (1, 1, {"key_conflict": 2})
    assert query("SELECT temperature::float8 FROM readings") == [(2.0,)]


def test_no_digit_is_lost(service: Service, lake: Path, plan: Plan, query: Query) -> None:
    service.behave = lambda asked: Say(b'{"id": 9007199254740993, "price": 1234567890123.123456789012345678}')
    penstock.land(plan(columns={"id": "id", "price": "price"}), "lake:prices")
    penstock.copy("lake:prices", "warehouse:prices")
    assert query("SELECT id::text, price::text FROM prices") == [
        ("9007199254740993", "1234567890123.123456789012345678")
    ]


def test_a_changed_shape_is_replayed_with_a_mended_plan(
    service: Service, lake: Path, plan: Plan, query: Query
) -> None:
    query(TABLE)

    def shape(asked: Asked) -> Say:
        number = int(asked.query["id"])
        return Say({"id": number, "temperature": {"kelvin": 280}}) if number >= 4 else weather(asked)

    service.behave = shape
    penstock.land(plan(), "lake:weather", rows=cities(6))
    result = penstock.copy("lake:weather", "warehouse:readings")
    assert (result.loaded, dict(result.rejects)) == (4, {"missing": 2})
    service.stop()
    columns = {"id": "id", "name": "name", "temperature": "temperature.kelvin", "sky": "weather.0.main"}
    corrected = Answers(columns=columns)
    replayed = quarantine.replay("warehouse", result.id, answers=corrected)
    assert (replayed.read, replayed.loaded) == (2, 2)
    assert query("SELECT id, temperature::int FROM readings WHERE id >= 4 ORDER BY id") == [
        (4, 280),
        (5, 280),
    ]


def test_answers_without_the_list_are_replayed_by_a_mended_path(
    service: Service, lake: Path, plan: Plan, query: Query
) -> None:
    def moved(asked: Asked) -> Say:
        page = [{"id": int(asked.query["id"]) * 10 + one} for one in range(3)]
        return Say({"data": page} if asked.query["id"] == "1" else {"results": page})

    service.behave = moved
    columns = {"id": "id", "asked": "$request.id"}
    penstock.land(plan(records="results", columns=columns), "lake:lists", rows=cities(3))
    result = penstock.copy("lake:lists", "warehouse:lists", key="id")
    assert (result.read, result.loaded, dict(result.rejects)) == (7, 6, {"malformed": 1})
    replayed = quarantine.replay("warehouse", result.id, answers=Answers(records="data", columns=columns))
    assert (replayed.read, replayed.loaded) == (3, 3)
    assert query("SELECT id, asked FROM lists ORDER BY id") == [
        (one * 10 + other, one) for one in range(3) for other in range(3)
    ]


def test_rejects_are_exported_mended_and_replayed(
    service: Service, lake: Path, plan: Plan, query: Query, tmp_path: Path
) -> None:
    query(TABLE)
    service.behave = spoiled(3, b'{"id": 3,\n "main": {"temp": "warm"}}')
    penstock.land(plan(), "lake:weather", rows=cities(6))
    result = penstock.copy("lake:weather", "warehouse:readings")
    path = tmp_path / "corrected.jsonl"
    assert quarantine.export("warehouse", result.id, path) == 1
    path.write_text(path.read_text().replace('"warm"', "281.5"))
    assert quarantine.replay("warehouse", result.id, corrected=path).loaded == 1
    assert query("SELECT temperature::text FROM readings WHERE id = 3") == [("281.50",)]


def test_duplicates_and_late_records_are_settled_by_the_key(
    service: Service, lake: Path, plan: Plan, query: Query
) -> None:
    query("CREATE TABLE readings (id int, dt bigint, temperature numeric, PRIMARY KEY (id))")
    columns = {"id": "id", "dt": "dt", "temperature": "main.temp"}
    times = {"10:00": (100, 1.0), "11:00": (200, 2.0), "late": (150, 1.5), "again": (200, 2.0)}
    for label, (moment, value) in times.items():
        service.behave = reading(moment, value)
        penstock.land(plan(columns=columns), "lake:weather", label=label)
    result = penstock.copy("lake:weather", "warehouse:readings", mode="merge", order_by="dt")
    assert result.read == 4
    assert result.read == result.loaded + result.duplicates + result.rejected
    assert query("SELECT dt, temperature::float8 FROM readings") == [(200, 2.0)]


def test_without_columns_every_member_is_one(service: Service, lake: Path, plan: Plan, query: Query) -> None:
    penstock.land(plan(columns={}), "lake:weather", rows=cities(2))
    penstock.copy("lake:weather", "warehouse:readings")
    assert query("SELECT id, main_humidity, weather::json -> 0 ->> 'main' FROM readings ORDER BY id") == [
        (0, 0, "Rain"),
        (1, 1, "Rain"),
    ]


def nested(depth: int) -> bytes:
    return b'{"id": 3, "main": {"temp": 280}, "deep": ' + b'{"a": [' * depth + b"1" + b"]}" * depth + b"}"


@pytest.mark.parametrize(
    ("body", "rejects"),
    [
        (nested(450), {}),
        (nested(100_000), {"malformed": 1}),
        (b'{"id": 3, "main": {"temp": 280}, "a\\u0000b": 1}', {"bad_encoding": 1}),
        (b'{"id": 3, "main": {"temp": 280}, "a\\ud800b": 1}', {"bad_encoding": 1}),
    ],
    ids=["deep", "too deep", "NUL", "surrogate"],
)
def test_an_odd_answer_does_not_spoil_the_others(
    service: Service, lake: Path, plan: Plan, query: Query, body: bytes, rejects: dict[str, int]
) -> None:
    service.behave = spoiled(3, body)
    penstock.land(plan(columns={}), "lake:weather", rows=cities(6))
    result = penstock.copy("lake:weather", "warehouse:odd")
    assert (result.loaded, dict(result.rejects)) == (6 - len(rejects), rejects)
    assert query("SELECT count(*) FROM odd") == [(6 - len(rejects),)]


@pytest.mark.parametrize(
    "headers",
    [
        {"Cache-Control": f"max-age={'9' * 5000}"},
        {"Cache-Control": "max-age=60", "Age": "\u00b2"},
        {"Cache-Control": "max-age=\u00b2"},
        {"Expires": "Fri, 31 Dec 9999 23:59:59 GMT", "Date": "Fri, 01 Jan 0001 00:00:00 GMT"},
        {"Expires": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"Retry-After": "9" * 5000},
        {"Link": "<" * 40_000},
    ],
    ids=["max-age", "age", "digit", "dates", "expires", "retry", "link"],
)
def test_an_odd_header_is_no_obstacle(
    service: Service, lake: Path, plan: Plan, headers: dict[str, str]
) -> None:
    service.behave = lambda asked: Say({"id": 1, "main": {"temp": 1}}, headers={"ETag": '"1"', **headers})
    for label in ("one", "two"):
        began = time.monotonic()
        assert penstock.land(plan(pages={"by": "link"}), "lake:odd", label=label).requests == 1
        assert time.monotonic() - began < 5  # measured: 0.1


@pytest.mark.parametrize("names", [("Changelog", "changelog"), ("n" * 70, "n" * 69)])
def test_two_members_of_one_name(
    service: Service, lake: Path, plan: Plan, query: Query, names: tuple[str, str]
) -> None:
    service.behave = lambda asked: Say({"links": dict.fromkeys(names, "x")})
    penstock.land(plan(columns={}), "lake:links", rows=cities(1))
    with pytest.raises(
        SourceError, match=f"two columns of one name: 'links_{names[0]}' and 'links_{names[1]}'"
    ):
        penstock.copy("lake:links", "warehouse:links")
    both = Answers(columns={"one": f"links.{names[0]}", "other": f"links.{names[1]}"})
    assert penstock.copy("lake:links", "warehouse:links", answers=both).loaded == 1
