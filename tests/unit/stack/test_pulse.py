"""What counts as silence."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from penstock.stack.health import Health, Poll, Pulse


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def settle(pool: ThreadPoolExecutor) -> None:
    """Wait until what was asked is answered."""
    pool.submit(lambda: None).result()


def test_a_question_is_not_waited_for_and_not_asked_before_it_is_due(pool: ThreadPoolExecutor) -> None:
    clock, asked, held = Clock(), [0], threading.Event()

    def ask() -> int:
        held.wait(10)
        asked[0] += 1
        return asked[0]

    poll = Poll(ask, pool, clock)
    assert poll.look(5) is None
    assert poll.look(5) is None
    held.set()
    settle(pool)
    assert poll.look(5) == (1, 0.0)
    assert poll.look(5) is None
    assert asked == [1]
    clock.now += 5
    assert poll.look(5) is None
    settle(pool)
    clock.now += 1
    assert poll.look(5) == (2, 6.0)


def test_silence_is_counted_until_the_next_sign_of_life(pool: ThreadPoolExecutor) -> None:
    clock, alive = Clock(), [True]
    pulse = Pulse(lambda: alive[0], pool, clock)

    def later(seconds: float) -> float:
        clock.now += seconds
        pulse.silence_s()
        settle(pool)
        return pulse.silence_s()

    assert later(0) == 0
    alive[0] = False
    assert [later(5), later(5), later(5)] == [5, 10, 15]
    assert later(3600) == 30  # the supervisor itself was stopped: it cannot know what happened meanwhile
    alive[0] = True
    assert later(5) == 0


class Airflow(BaseHTTPRequestHandler):
    report: dict[str, Any] | None = None

    def do_GET(self) -> None:
        output = json.dumps(self.report or {}).encode()
        self.send_response(200 if self.report else 500)
        self.send_header("Content-Length", str(len(output)))
        self.end_headers()
        self.wfile.write(output)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Airflow) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def report(second: int, *, database: str = "healthy") -> dict[str, Any]:
    beat = datetime(2013, 2, 1, 9, 0, second, tzinfo=UTC).isoformat()
    return {"metadatabase": {"status": database}, "scheduler": {"latest_scheduler_heartbeat": beat}}


def test_a_part_is_silent_only_while_it_could_be_heard(pool: ThreadPoolExecutor, url: str) -> None:
    clock = Clock()
    health = Health(url, pool, clock)

    def output(what: dict[str, Any] | None) -> tuple[float, float]:
        Airflow.report = what
        clock.now += 5
        health.silence_s()
        settle(pool)
        return health.silence_s(), health.silence_s("scheduler")

    assert output(report(1)) == (0, 0)
    assert output(report(6)) == (0, 0)
    assert output(report(6)) == (0, 5)
    assert output(None) == (5, 5)  # the api-server is silent, and the state of the scheduler is unknown
    assert output(None) == (10, 5)
    assert output(report(6, database="unhealthy")) == (0, 5)
    assert output(report(6)) == (0, 10)
    assert output(report(7)) == (0, 0)
    assert health.answers()
    began = datetime(2013, 2, 1, 9, 0, 7, tzinfo=UTC).timestamp()
    assert (health.beats("scheduler", began), health.beats("scheduler", began + 1)) == (True, False)
