"""What the rivals of the topic `api` run, each as a program of its own: `python -m benchmarks.api_scripts NAME ...`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

AT_ONCE = 16


def bare(url: str, count: int) -> dict[str, Any]:
    """Plain httpx: a number of concurrent requests, with every answer read and discarded."""
    import httpx

    async def ask() -> None:
        numbers = iter(range(count))
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)

        async def work(client: httpx.AsyncClient) -> None:
            for number in numbers:
                answer = await client.get(
                    f"{url}/weather", params={"id": number, "appid": "key-of-the-bench"}
                )
                assert answer.status_code == 200

        async with httpx.AsyncClient(limits=limits) as client:
            await asyncio.gather(*(work(client) for _ in range(AT_ONCE)))

    began = time.perf_counter()
    asyncio.run(ask())
    return {"seconds": time.perf_counter() - began}


def landing(place: str, count: int, limit: str = "") -> dict[str, Any]:
    """The same, with every answer landed."""
    import penstock

    plan = {
        "source": "api:/weather",
        "auth": {"query": "appid"},
        "parameters": {"id": "{id}"},
        "columns": {
            "id": "id",
            "name": "name",
            "measured": "dt",
            "temperature": "main.temp",
            "sky": "weather.0.main",
        },
        "concurrency": AT_ONCE,
        **({"limit": json.loads(limit)} if limit else {}),
    }
    began = time.perf_counter()
    done = penstock.land(plan, place, rows=({"id": number} for number in range(count)))
    return {"seconds": time.perf_counter() - began, "calls": done.calls, "answers": done.answers}


if __name__ == "__main__":
    name, where, count, *more = sys.argv[1:]
    found = bare(where, int(count)) if name == "bare" else landing(where, int(count), *more)
    print(json.dumps(found))
