"""How Airflow says it is, and for how long one of its parts has said nothing."""

from __future__ import annotations

import json
import time
import urllib.request
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

from penstock.stack.heartbeat import UP_S, Clock, Poll

_TIMEOUT_S = 5.0
_COMING_UP_S = 0.3  # how old a report may be; each costs the api-server three queries


class Health:
    """Airflow's own health report.

    Args:
        url: Of the api-server, such as `http://127.0.0.1:5884`.
        pool: Asks for it.
        clock: Seconds that only grow, and not while the machine sleeps.
    """

    def __init__(self, url: str, pool: Executor, clock: Clock = time.monotonic) -> None:
        self._poll = Poll(lambda: fetch(f"{url}/api/v2/monitor/health"), pool, clock)
        self._report: dict[str, Any] = {}
        self._silence_s: dict[str | None, float] = {}

    def answers(self) -> bool:
        """Whether the api-server answers, and reaches its database."""
        self._look(_COMING_UP_S)
        return _is_well(self._report)

    def beats(self, part: str, since: float) -> bool:
        """Whether the part gave a sign of life after this moment; an older one was its dead predecessor's."""
        self._look(_COMING_UP_S)
        beat = _beat(self._report, part)
        return beat is not None and datetime.fromisoformat(beat).timestamp() >= since

    def silence_s(self, part: str | None = None) -> float:
        """How long the part, by default the api-server, has given no sign of life while one could have been seen.

        Time in which the api-server or the database was silent does not count against another part.
        """
        self._look(UP_S)
        return self._silence_s.get(part, 0.0)

    def _look(self, every_s: float) -> None:
        if (found := self._poll.look(every_s)) is None:
            return
        report, passed_s = found
        before, self._report = self._report, report
        silence = self._silence_s
        silence[None] = 0.0 if report else silence.get(None, 0.0) + passed_s
        if _is_well(report):
            for part in report:
                moved = _beat(report, part) != _beat(before, part)
                silence[part] = 0.0 if moved else silence.get(part, 0.0) + passed_s


def _is_well(report: dict[str, Any]) -> bool:
    return bool(report.get("metadatabase", {}).get("status") == "healthy")


def _beat(report: dict[str, Any], part: str) -> str | None:
    found = report.get(part, {}).get(f"latest_{part}_heartbeat")
    return None if found is None else str(found)


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
