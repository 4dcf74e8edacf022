"""A fast weather service for measurements: uvicorn, one answer of the usual shape and size, a limit that slides."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

_TEMPLATE = {
    "coord": {"lon": -74.006, "lat": 40.7143},
    "weather": [{"id": 800, "main": "Clear", "description": "clear sky", "icon": "01d"}],
    "base": "stations",
    "main": {
        "temp": 271.45,
        "feels_like": 266.2,
        "temp_min": 270.1,
        "temp_max": 273.0,
        "pressure": 1019,
        "humidity": 51,
    },
    "visibility": 10000,
    "wind": {"speed": 4.12, "deg": 310},
    "clouds": {"all": 0},
    "dt": 1359997200,
    "sys": {"type": 2, "id": 2039034, "country": "US", "sunrise": 1359979200, "sunset": 1360016400},
    "timezone": -18000,
    "cod": 200,
}


class App:
    """Answers `/weather?id=N`; `/calls` reports the times of accepted calls, and the number of refused ones."""

    def __init__(self, calls: int, window_s: float) -> None:
        self._calls, self._window_s = calls, window_s
        self._counted: deque[float] = deque()
        self._times: list[float] = []
        self._refused = 0
        before, _, after = json.dumps({"id": "@", "name": "city @", **_TEMPLATE}).partition('"id": "@"')
        self._before, self._after = before.encode(), after.encode()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG002  # ASGI's own
        """One call."""
        if scope["type"] != "http":
            return
        status, body = self._answer(scope["path"], scope["query_string"])
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str, query: bytes) -> tuple[int, bytes]:
        if path == "/calls":
            calls = {"times": self._times, "refused": self._refused}
            self._times, self._refused = [], 0
            return 200, json.dumps(calls).encode()
        if self._calls and not self._lets_in():
            self._refused += 1
            return 429, b"{}"
        number = dict(parse_qsl(query.decode())).get("id", "0").encode()
        return 200, self._before + b'"id": ' + number + self._after

    def _lets_in(self) -> bool:
        now = time.monotonic()
        while self._counted and self._counted[0] <= now - self._window_s:
            self._counted.popleft()
        if len(self._counted) >= self._calls:
            return False
        self._counted.append(now)
        self._times.append(now)
        return True


if __name__ == "__main__":
    port, calls, window_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    uvicorn.run(App(calls, window_s), host="127.0.0.1", port=port, log_level="error", access_log=False)  # type: ignore[arg-type]
