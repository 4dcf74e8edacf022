"""How Airflow says it is."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import datetime
from typing import Any

_TIMEOUT_S = 2.0
_FRESH_S = 0.3


class Health:
    """Airflow's own health report, asked for at most every third of a second.

    Args:
        url: Of the api-server, such as `http://127.0.0.1:5884`.
    """

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/v2/monitor/health"
        self._asked = 0.0
        self._report: dict[str, Any] = {}

    def answers(self) -> bool:
        """Whether the api-server answers, and reaches its database."""
        return bool(self._latest().get("metadatabase", {}).get("status") == "healthy")

    def beats(self, part: str, since: float) -> bool:
        """Whether the part gave a sign of life after this moment; an older one was its dead predecessor's."""
        beat = self._latest().get(part, {}).get(f"latest_{part}_heartbeat")
        return beat is not None and datetime.fromisoformat(beat).timestamp() >= since

    def _latest(self) -> dict[str, Any]:
        if time.monotonic() - self._asked >= _FRESH_S:
            self._report = fetch(self._url)
            self._asked = time.monotonic()
        return self._report


def fetch(url: str, timeout_s: float = _TIMEOUT_S) -> dict[str, Any]:
    """The JSON object that lies there; empty where nothing answers with one."""
    # Straight to this machine: a proxy would not know it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            found = json.load(answer)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
