"""Every switch, over real HTTP."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from penstock.model.errors import PenstockError
from penstock_sandbox.client import Sandbox
from penstock_sandbox.state import Settings

HOUR = 1360000000 // 3600 * 3600


def switch(sandbox: Sandbox, service: str, trouble: str, **how: Any) -> None:
    sandbox.apply(Settings.model_validate({"switches": {service: {trouble: how}}}))


def weather(client: httpx.Client, *, longitude: float = -74.0, moment: int = HOUR) -> httpx.Response:
    parameters = {"lat": "40.7", "lon": str(longitude), "dt": str(moment), "appid": "sandbox-weather-paid"}
    return client.get("/data/2.5/weather", params=parameters)


def statuses(client: httpx.Client, count: int) -> list[int]:
    return [weather(client, longitude=-74 - number / 10).status_code for number in range(count)]


def test_a_burst_of_429_with_and_without_retry_after(client: httpx.Client, sandbox: Sandbox) -> None:
    switch(sandbox, "weather", "throttle", next=3, retry_after_s=7)
    assert weather(client).headers["Retry-After"] == "7"
    assert statuses(client, 4) == [429, 429, 200, 200]
    switch(sandbox, "weather", "throttle", next=1)
    answer = weather(client)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, None)


def test_each_request_fails_so_many_times_first(client: httpx.Client, sandbox: Sandbox) -> None:
    switch(sandbox, "weather", "error", first=2, status=503)
    assert [weather(client).status_code for _ in range(3)] == [503, 503, 200]
    assert weather(client, longitude=-75).status_code == 503


def test_a_share_of_the_calls_fails_and_the_same_ones_again(client: httpx.Client, sandbox: Sandbox) -> None:
    runs = []
    for seed in (1, 1, 2):
        settings = {"seed": seed, "switches": {"weather": {"error": {"share": 0.3}}}}
        sandbox.apply(Settings.model_validate(settings))
        runs.append(statuses(client, 100))
    assert runs[0] == runs[1] != runs[2]
    assert 15 < runs[0].count(500) < 45


def test_bursts_come_in_rows(client: httpx.Client, sandbox: Sandbox) -> None:
    switch(sandbox, "weather", "throttle", share=0.3, burst=10)
    found = statuses(client, 100)
    rows = [set(found[start : start + 10]) for start in range(0, 100, 10)]
    assert {429} in rows
    assert all(row in ({200}, {429}) for row in rows)


def test_only_what_matches_fails(client: httpx.Client, sandbox: Sandbox) -> None:
    switch(sandbox, "weather", "error", share=1, match="lon=-75")
    assert weather(client, longitude=-74).status_code == 200
    assert weather(client, longitude=-75).status_code == 500


def test_a_slow_answer(client: httpx.Client, sandbox: Sandbox) -> None:
    switch(sandbox, "weather", "slow", first=1, seconds=0.4)
    began = time.monotonic()
    assert weather(client).status_code == 200
    assert time.monotonic() - began >= 0.4
    with pytest.raises(httpx.ReadTimeout):
        client.get(
            "/data/2.5/weather", params={"lat": "1", "lon": "1", "appid": "sandbox-weather-paid"}, timeout=0.1
        )


def test_a_dropped_connection(client: httpx.Client, sandbox: Sandbox) -> None:
    switch(sandbox, "weather", "drop", first=1)
    with pytest.raises(httpx.RemoteProtocolError):
        weather(client)
    assert weather(client).status_code == 200


def test_malformed_json(client: httpx.Client, sandbox: Sandbox) -> None:
    switch(sandbox, "weather", "malformed", first=1)
    answer = weather(client)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_wrong_type_and_a_missing_field(client: httpx.Client, sandbox: Sandbox) -> None:
    good = weather(client).json()
    switch(sandbox, "weather", "wrong_type", first=1)
    assert weather(client).json() == good | {"main": good["main"] | {"temp": "not available"}}
    switch(sandbox, "weather", "missing_field", first=1, field="wind.deg")
    assert weather(client).json() == good | {"wind": {name: good["wind"][name] for name in ("speed", "gust")}}
    switch(sandbox, "prices", "wrong_type", share=1)
    day = client.get("/v1/open-close/AAPL/2013-02-04", params={"apiKey": "sandbox-prices-paid"}).json()
    assert day["close"] == "not available"


def test_a_reading_comes_twice_and_one_comes_late(client: httpx.Client, sandbox: Sandbox) -> None:
    switch(sandbox, "weather", "duplicate", first=1, match=f"dt={HOUR}")
    assert weather(client).json() == weather(client, moment=HOUR - 3600).json()
    switch(sandbox, "weather", "late", first=1, hours=5)
    assert weather(client).json()["dt"] == HOUR - 5 * 3600


def test_a_day_comes_late_and_a_bar_comes_twice(client: httpx.Client, sandbox: Sandbox) -> None:
    key = {"apiKey": "sandbox-prices-paid"}
    switch(sandbox, "prices", "late", first=1)
    day = [client.get("/v1/open-close/AAPL/2013-02-04", params=key).status_code for _ in range(2)]
    assert day == [404, 200]
    switch(sandbox, "prices", "duplicate", first=1)
    bars = client.get("/v2/aggs/ticker/AAPL/range/1/day/2013-02-04/2013-02-05", params=key).json()["results"]
    assert len(bars) == 3
    assert bars[1] == bars[2]


def test_what_went_wrong_is_in_the_log(client: httpx.Client, sandbox: Sandbox) -> None:
    switch(sandbox, "weather", "error", first=1)
    weather(client)
    weather(client)
    assert [(call["status"], call["trouble"]) for call in sandbox.calls()["calls"]] == [
        (500, ["error"]),
        (200, []),
    ]


def test_settings_that_mean_nothing_are_refused_and_change_nothing(
    client: httpx.Client, sandbox: Sandbox
) -> None:
    switch(sandbox, "weather", "error", share=1)
    before = sandbox.settings()
    with pytest.raises(PenstockError, match="sandbox answers 400"):
        sandbox._ask("PUT", "settings", content='{"switches": {"weather": {"eror": {}}}}')
    assert sandbox.settings() == before
