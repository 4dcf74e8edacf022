"""The price service in Polygon's documented formats: one ticker's day, a range of days, the list of tickers."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any

from penstock_sandbox.http import Answer, Asked, json_answer
from penstock_sandbox.prices import NAMES, DayPrices, Prices

_DAY = re.compile(r"/v1/open-close/(?P<ticker>[^/]+)/(?P<day>[^/]+)")
_RANGE = re.compile(r"/v2/aggs/ticker/(?P<ticker>[^/]+)/range/1/day/(?P<first>[^/]+)/(?P<last>[^/]+)")
_TICKERS = re.compile(r"/v3/reference/tickers")

_MOST = {"aggs": 50_000, "tickers": 1_000}
_USUAL = {"aggs": 5_000, "tickers": 100}


class Polygon:
    """Answers with the prices of five tickers.

    Later splits are not applied, regardless of `adjusted`, because none was known in the demo month. The data has no
    prices outside the exchange's hours, so `preMarket` is the day's open and `afterHours` its close.
    """

    name = "prices"
    key_parameter = "apiKey"

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._routes: Sequence[tuple[re.Pattern[str], Callable[[Asked, re.Match[str]], Answer]]] = (
            (_DAY, self._open_close),
            (_RANGE, self._aggregates),
            (_TICKERS, self._tickers),
        )

    def unknown_key(self) -> Answer:
        """Return 401, as for an unknown key."""
        return json_answer(
            401, {"status": "ERROR", "request_id": _request_id("key"), "error": "Unknown API Key"}
        )

    def over_limit(self) -> Answer:
        """Return 429 with the message of the free plan."""
        return json_answer(
            429,
            {
                "status": "ERROR",
                "request_id": _request_id("limit"),
                "error": "You've exceeded the maximum requests per minute, please wait or upgrade your subscription"
                " to continue. https://polygon.io/pricing",
            },
        )

    def answer(self, asked: Asked) -> Answer:
        """Return the day, the range or the tickers; 404 for other paths, 400 for invalid parameters."""
        for pattern, route in self._routes:
            if (match := pattern.fullmatch(asked.path)) is not None:
                return route(asked, match)
        return _not_found(asked)

    def duplicate(self, asked: Asked) -> Answer:
        """Return a list with its last record twice; a single day cannot have a duplicate."""
        answer = self.answer(asked)
        content = json.loads(answer.body)
        if not content.get("results"):
            return answer
        content["results"].append(content["results"][-1])
        return json_answer(answer.status, content)

    def late(self, asked: Asked, hours: int) -> Answer:  # noqa: ARG002  # a day is there or it is not
        """Return 404, as if the day's figures were not published yet."""
        return _not_found(asked)

    def field(self, asked: Asked) -> str:
        """Return the closing price, or the record's name."""
        if _DAY.fullmatch(asked.path):
            return "close"
        return "results.0.c" if _RANGE.fullmatch(asked.path) else "results.0.ticker"

    def _open_close(self, asked: Asked, match: re.Match[str]) -> Answer:
        if _day(match["day"]) is None:
            return _bad_request(asked, f"Could not parse the time parameter: 'date'. Got {match['day']!r}")
        found = self._prices.on(match["ticker"], match["day"])
        if found is None or _is_future(found.day, asked.moment):
            return _not_found(asked)
        return json_answer(200, _open_close(found))

    def _aggregates(self, asked: Asked, match: re.Match[str]) -> Answer:
        if _day(match["first"]) is None or _day(match["last"]) is None:
            return _bad_request(asked, "Could not parse the time parameter: 'from' or 'to'")
        days = self._prices.between(match["ticker"], match["first"], match["last"])
        known = [one for one in days if not _is_future(one.day, asked.moment)]
        if asked.parameters.get("sort") == "desc":
            known.reverse()
        head = {"ticker": match["ticker"], "adjusted": asked.parameters.get("adjusted", "true") != "false"}
        return _page(asked, "aggs", head, [_bar(one) for one in known])

    def _tickers(self, asked: Asked, match: re.Match[str]) -> Answer:  # noqa: ARG002  # its path says nothing
        return _page(asked, "tickers", {}, [_reference(ticker) for ticker in self._prices.tickers])


def _open_close(found: DayPrices) -> dict[str, Any]:
    return {
        "status": "OK",
        "from": found.day,
        "symbol": found.ticker,
        "open": found.open,
        "high": found.high,
        "low": found.low,
        "close": found.close,
        "volume": found.volume,
        "afterHours": found.close,
        "preMarket": found.open,
    }


def _bar(found: DayPrices) -> dict[str, Any]:
    midnight = datetime.combine(date.fromisoformat(found.day), datetime.min.time(), UTC)
    return {
        "v": found.volume,
        "o": found.open,
        "c": found.close,
        "h": found.high,
        "l": found.low,
        "t": int(midnight.timestamp() * 1000),
    }


def _reference(ticker: str) -> dict[str, Any]:
    return {
        "ticker": ticker,
        "name": NAMES[ticker],
        "market": "stocks",
        "locale": "us",
        "primary_exchange": "XNYS" if ticker == "IBM" else "XNAS",
        "type": "CS",
        "active": True,
        "currency_name": "usd",
    }


def _page(asked: Asked, kind: str, head: dict[str, Any], records: list[dict[str, Any]]) -> Answer:
    """Return one page of the records. As in the real service, `next_url` has no key; the client adds it."""
    start = _position(asked.parameters.get("cursor", ""))
    limit = _limit(asked.parameters.get("limit"), kind)
    if start is None or limit is None:
        return _bad_request(asked, "Could not read the parameter: 'cursor' or 'limit'")
    page = records[start : start + limit]
    content = head | {"status": "OK", "request_id": _request_id(asked.path, start), "results": page}
    content |= (
        {"count": len(page)} if kind == "tickers" else {"resultsCount": len(page), "queryCount": len(page)}
    )
    if start + limit < len(records):
        cursor = urlsafe_b64encode(f"from={start + limit}".encode()).decode()
        content["next_url"] = f"{asked.base}{asked.path}?cursor={cursor}&limit={limit}"
    return json_answer(200, content)


def _position(cursor: str) -> int | None:
    if not cursor:
        return 0
    try:
        name, _, number = urlsafe_b64decode(cursor).decode().partition("=")
        return int(number) if name == "from" else None
    except ValueError:
        return None


def _limit(text: str | None, kind: str) -> int | None:
    if text is None:
        return _USUAL[kind]
    return min(int(text), _MOST[kind]) if text.isdigit() and int(text) > 0 else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _is_future(day: str, moment: datetime | None) -> bool:
    return moment is not None and day > moment.date().isoformat()


def _not_found(asked: Asked) -> Answer:
    content = {"status": "NOT_FOUND", "request_id": _request_id(asked.path), "message": "Data not found."}
    return json_answer(404, content)


def _bad_request(asked: Asked, error: str) -> Answer:
    return json_answer(400, {"status": "ERROR", "request_id": _request_id(asked.path), "error": error})


def _request_id(*parts: object) -> str:
    """Return a request id. The real service's are random; here, equal requests get byte-identical answers."""
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()
