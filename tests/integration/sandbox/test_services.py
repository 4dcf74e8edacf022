"""The documented answers, over real HTTP."""

from __future__ import annotations

import time

import httpx
import pytest
from tests.waiting import until

from penstock_sandbox.client import Sandbox
from penstock_sandbox.state import Settings

PAID = {"apiKey": "sandbox-prices-paid"}
WEATHER = {"lat": "40.71427", "lon": "-74.00597", "appid": "sandbox-weather-paid", "dt": "1360000000"}


def test_a_trading_day(client: httpx.Client) -> None:
    answer = client.get("/v1/open-close/AAPL/2013-02-04", params={"adjusted": "true", **PAID})
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "OK",
        "from": "2013-02-04",
        "symbol": "AAPL",
        "open": 453.91,
        "high": 455.94,
        "low": 442.0,
        "close": 442.316,
        "volume": 17039900,
        "afterHours": 442.316,
        "preMarket": 453.91,
    }


@pytest.mark.parametrize(
    "day", ["2013-02-18", "2013-02-02", "2013-03-04"]
)  # a holiday, a Saturday, after the data
def test_a_closed_day_is_not_found(client: httpx.Client, day: str) -> None:
    answer = client.get(f"/v1/open-close/AAPL/{day}", params=PAID)
    assert answer.status_code == 404
    assert answer.json()["status"] == "NOT_FOUND"


def test_a_day_that_is_still_to_come_is_not_found(client: httpx.Client) -> None:
    stated = {"X-Logical-Time": "2013-02-04T09:00:00+00:00"}
    assert client.get("/v1/open-close/AAPL/2013-02-05", params=PAID, headers=stated).status_code == 404
    assert client.get("/v1/open-close/AAPL/2013-02-04", params=PAID, headers=stated).status_code == 200


def test_a_day_that_is_none(client: httpx.Client) -> None:
    assert client.get("/v1/open-close/AAPL/2013-02-30", params=PAID).status_code == 400


@pytest.mark.parametrize("key", [{}, {"apiKey": "guessed"}, {"apiKey": "sandbox-weather-paid"}])
def test_a_wrong_key_for_prices(client: httpx.Client, key: dict[str, str]) -> None:
    answer = client.get("/v1/open-close/AAPL/2013-02-04", params=key)
    assert (answer.status_code, answer.json()["error"]) == (401, "Unknown API Key")


def test_a_key_may_come_in_a_header(client: httpx.Client) -> None:
    bearer = {"Authorization": "Bearer sandbox-prices-paid"}
    assert client.get("/v1/open-close/AAPL/2013-02-04", headers=bearer).status_code == 200


def test_pages_lead_to_the_next_until_all_is_told(client: httpx.Client) -> None:
    url = "/v2/aggs/ticker/AAPL/range/1/day/2013-02-01/2013-02-28?limit=7"
    closes, pages = [], 0
    while url:
        content = client.get(url, headers={"Authorization": "Bearer sandbox-prices-paid"}).json()
        closes += [bar["c"] for bar in content["results"]]
        url = content.get("next_url", "")
        pages += 1
    assert (pages, len(closes), closes[0], closes[-1]) == (3, 19, 453.62, 441.4)


def test_the_tickers_by_page(client: httpx.Client) -> None:
    first = client.get("/v3/reference/tickers", params={"limit": "3", **PAID}).json()
    assert [one["ticker"] for one in first["results"]] == ["AAPL", "FB", "GOOG"]
    assert "apiKey" not in first["next_url"]
    second = client.get(first["next_url"], headers={"Authorization": "Bearer sandbox-prices-paid"}).json()
    assert [one["ticker"] for one in second["results"]] == ["IBM", "MSFT"]
    assert "next_url" not in second


def test_the_weather_of_new_york(client: httpx.Client) -> None:
    content = client.get("/data/2.5/weather", params=WEATHER).json()
    sun = content.pop("sys")
    assert sun["country"] == "US"
    assert sun["sunrise"] < content["dt"] < sun["sunset"]
    assert content == {
        "coord": {"lon": -74.00597, "lat": 40.71427},
        "weather": [{"id": 800, "main": "Clear", "description": "clear sky", "icon": "01d"}],
        "base": "stations",
        "main": {
            "temp": 271.45,  # 28.94 F at LGA at noon, local time
            "feels_like": 264.96,
            "temp_min": 271.45,
            "temp_max": 273.15,
            "pressure": 1014,
            "humidity": 37,
        },
        "visibility": 10000,
        "wind": {"speed": 7.2, "deg": 270, "gust": 10.8},
        "clouds": {"all": 0},
        "dt": 1359997200,
        "timezone": -18000,
        "id": 5128581,
        "name": "New York City",
        "cod": 200,
    }


def test_the_moment_may_come_in_a_header(client: httpx.Client) -> None:
    stated = {name: value for name, value in WEATHER.items() if name != "dt"}
    header = {"X-Logical-Time": "2013-02-04T17:46:40Z"}
    by_header = client.get("/data/2.5/weather", params=stated, headers=header)
    assert by_header.json() == client.get("/data/2.5/weather", params=WEATHER).json()


def test_without_a_moment_it_is_now(client: httpx.Client) -> None:
    stated = {name: value for name, value in WEATHER.items() if name != "dt"}
    answer = client.get("/data/2.5/weather", params=stated).json()
    assert 0 <= time.time() - answer["dt"] < 3 * 3600


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lat": "91"}, "wrong latitude"),
        ({"lat": "nan"}, "wrong latitude"),
        ({"lon": "east"}, "wrong longitude"),
        ({"lat": "", "lon": ""}, "Nothing to geocode"),
    ],
    ids=["too far north", "no number", "a word", "nothing"],
)
def test_coordinates_that_are_none(client: httpx.Client, change: dict[str, str], message: str) -> None:
    answer = client.get("/data/2.5/weather", params=WEATHER | change)
    assert (answer.status_code, answer.json()) == (400, {"cod": "400", "message": message})


def test_a_wrong_key_for_weather(client: httpx.Client) -> None:
    answer = client.get("/data/2.5/weather", params=WEATHER | {"appid": "guessed"})
    assert (answer.status_code, answer.json()["cod"]) == (401, 401)


@pytest.mark.parametrize(
    ("units", "temperature"), [("metric", -1.7), ("imperial", 28.94), ("standard", 271.45)]
)
def test_units(client: httpx.Client, units: str, temperature: float) -> None:
    answer = client.get("/data/2.5/weather", params=WEATHER | {"units": units})
    assert answer.json()["main"]["temp"] == temperature


@pytest.mark.parametrize("path", ["/course/people/1", "/api/people/1/"])
def test_the_course_asks_for_a_person(client: httpx.Client, path: str) -> None:
    answer = client.get(path).json()
    assert (answer["name"], answer["height"], answer["hair_color"]) == ("Luke Skywalker", "172", "blond")
    assert client.get("/course/people/99").status_code == 404


def test_a_free_plan_is_held_to_its_calls(client: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.apply(Settings(window_s=3))
    url, free = "/v1/open-close/AAPL/2013-02-04", {"apiKey": "sandbox-prices-free"}
    statuses = [client.get(url, params=free).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    refused = client.get(url, params=free)
    assert "exceeded the maximum requests per minute" in refused.json()["error"]
    assert int(refused.headers["Retry-After"]) in (1, 2, 3)
    assert client.get(url, params=PAID).status_code == 200  # another key's calls are its own
    until(lambda: client.get(url, params=free).status_code == 200)


def test_sixty_calls_of_weather_and_not_one_more(client: httpx.Client, sandbox: Sandbox) -> None:
    free = WEATHER | {"appid": "sandbox-weather-free"}
    statuses = [client.get("/data/2.5/weather", params=free).status_code for _ in range(65)]
    assert statuses == [200] * 60 + [429] * 5
    assert sandbox.calls(last=0)["most_in_window"] == {"weather": {"free": 60}}
    sandbox.apply(Settings(limits=False))
    assert client.get("/data/2.5/weather", params=free).status_code == 200


def test_the_log_tells_each_call_and_no_key(client: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.apply(Settings(headers=True))
    client.get("/v1/open-close/AAPL/2013-02-04", params=PAID)
    client.get("/v1/open-close/AAPL/2013-02-18", headers={"Authorization": "Bearer sandbox-prices-paid"})
    output = sandbox.calls()
    assert output["counts"] == {"prices": {"200": 1, "404": 1}}
    assert [call["request"] for call in output["calls"]] == [
        "/v1/open-close/AAPL/2013-02-04",
        "/v1/open-close/AAPL/2013-02-18",
    ]
    assert "sandbox-prices-paid" not in str(output)
    assert output["calls"][0]["headers"]["user-agent"].startswith("python-httpx")


def test_its_own_pages_ask_for_the_token(client: httpx.Client) -> None:
    assert client.get("/_sandbox/health").status_code == 200
    for method, page in (("GET", "settings"), ("PUT", "settings"), ("GET", "calls"), ("DELETE", "calls")):
        answer = client.request(method, f"/_sandbox/{page}", headers={"Authorization": "Bearer guessed"})
        assert answer.status_code == 401, (method, page)
