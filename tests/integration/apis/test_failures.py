"""What a service may do to those who ask it, over real HTTP, and what becomes of the landing."""

from __future__ import annotations

import gzip
import resource
import time
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import KEY, Asked, Behaviour, Say, Service, serving, weather

import penstock
from penstock.model.errors import PenstockError, Refused, SourceError, UsageError


def times_asked(service: Service) -> Counter[str]:
    return Counter(asked.query["id"] for asked in service.asked)


def first_of_each(trouble: Say) -> Behaviour:
    """Answers the first call of each request with trouble, and the next ones as usual."""
    seen: set[str] = set()

    def behave(asked: Asked) -> Say:
        if asked.query["id"] in seen:
            return weather(asked)
        seen.add(asked.query["id"])
        return trouble

    return behave


@pytest.mark.parametrize(
    "trouble",
    [
        Say({"message": "busy"}, status=500),
        Say(b"<html>bad gateway</html>", status=502),
        Say({"message": "too many"}, status=429),
        Say({"message": "too many"}, status=429, headers={"Retry-After": "0"}),
        Say({"id": 1}, drop=True),
        Say({"id": 1}, after_s=1.5),
        Say(b"not packed", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["500", "502", "429", "429-retry-after", "dropped", "slow", "damaged"],
)
def test_what_passes_is_tried_again(service: Service, lake: Path, plan: Plan, trouble: Say) -> None:
    service.behave = first_of_each(trouble)
    result = penstock.land(plan(timeout_s=1.0), "lake:weather", rows=cities(8))
    assert (result.answers, result.calls) == (8, 16)
    assert set(times_asked(service).values()) == {2}


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(service: Service, lake: Path, plan: Plan, form: str) -> None:
    def behave(asked: Asked) -> Say:
        if asked.number:
            return weather(asked)
        until = datetime.now(UTC) + timedelta(seconds=2)
        wait = "1" if form == "seconds" else format_datetime(until, usegmt=True)
        return Say(status=429, headers={"Retry-After": wait})

    service.behave = behave
    penstock.land(plan(), "lake:weather", rows=cities(1))
    first, second = service.asked
    assert second.at - first.at >= (1.0 if form == "seconds" else 0.9)


def test_longer_than_the_plan_s_patience_is_not_waited(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = lambda asked: Say(status=429, headers={"Retry-After": "3600"})
    began = time.monotonic()
    with pytest.raises(SourceError, match="1 of 1 request has no answer: 1 x status 429"):
        penstock.land(plan(), "lake:weather", rows=cities(1))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_costs_one_call(service: Service, lake: Path, plan: Plan, status: int) -> None:
    service.behave = lambda asked: Say({"message": f"Invalid API key: {KEY}"}, status=status)
    with pytest.raises(Refused) as refused:
        penstock.land(plan(), "lake:weather", rows=cities(100))
    assert len(service.asked) == 1
    assert KEY not in str(refused.value)


def test_a_key_that_expires_stops_everything(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = lambda asked: Say(status=401) if asked.number >= 20 else weather(asked)
    with pytest.raises(Refused):
        penstock.land(plan(concurrency=4), "lake:weather", rows=cities(200))
    assert len(service.asked) <= 20 + 4
    service.behave = weather
    result = penstock.land(plan(), "lake:weather", rows=cities(200))
    assert result.answers == 200
    assert 20 - 4 < result.landed_before <= 20  # what was under way is asked again


def test_a_status_is_treated_as_the_plan_says(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = lambda asked: Say(status=404) if asked.query["id"] == "3" else weather(asked)
    result = penstock.land(plan(statuses={404: "absent"}), "lake:closed", rows=cities(5))
    assert (result.answers, result.absent) == (5, 1)
    with pytest.raises(SourceError, match="1 of 5 requests has no answer: 1 x status 404"):
        penstock.land(plan(), "lake:errors", rows=cities(5), label="a")
    # The others have landed; only the one that failed is asked again.
    service.behave = weather
    before = len(service.asked)
    assert penstock.land(plan(), "lake:errors", rows=cities(5), label="a").answers == 5
    assert len(service.asked) == before + 1


def test_a_service_that_is_down_ends_the_landing_and_the_next_catches_up(
    service: Service, lake: Path, plan: Plan
) -> None:
    service.behave = lambda asked: Say(status=503) if asked.number >= 30 else weather(asked)
    impatient = plan(retries={"attempts": 2, "first_wait_s": 0.01, "failures": 3}, concurrency=4)
    with pytest.raises(SourceError, match=r"api does not answer: status 503; gave up 4 requests"):
        penstock.land(impatient, "lake:weather", rows=cities(60))
    assert len(service.asked) < 50
    service.behave = weather
    result = penstock.land(impatient, "lake:weather", rows=cities(60))
    assert result.answers == 60
    assert 30 - 4 < result.landed_before <= 30  # what was under way is asked again


def test_a_service_that_is_down_is_waited_for_as_the_plan_says(
    service: Service, lake: Path, plan: Plan
) -> None:
    up_at = time.monotonic() + 1.0
    service.behave = lambda asked: weather(asked) if asked.at > up_at else Say(status=503)
    patient = plan(retries={"attempts": 0, "patience_s": 3600, "first_wait_s": 0.1, "longest_wait_s": 0.2})
    result = penstock.land(patient, "lake:weather", rows=cities(5))
    assert result.answers == 5
    # One asks whether it is up again, not all of them.
    assert sum(asked.at <= up_at for asked in service.asked) < 20


def test_one_poisoned_request_does_not_keep_the_others(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = lambda asked: Say(status=500) if asked.query["id"] == "0" else weather(asked)
    with pytest.raises(SourceError, match="1 of 40 requests has no answer: 1 x status 500"):
        penstock.land(plan(), "lake:weather", rows=cities(40))
    assert times_asked(service)["0"] == 4
    service.behave = weather
    assert penstock.land(plan(), "lake:weather", rows=cities(40)).calls == 1


def test_nobody_there(lake: Path, plan: Plan, service: Service) -> None:
    service.stop()
    with pytest.raises(SourceError, match="cannot reach"):
        penstock.land(plan(), "lake:weather", rows=cities(2))


def test_no_such_host_and_no_way_to_metadata(lake: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_API", f"http://:{KEY}@169.254.169.254")
    with pytest.raises(PenstockError, match="may not reach"):
        penstock.land(plan(), "lake:weather", rows=cities(2))


@pytest.mark.parametrize("place", [{"query": "appid"}, {"header": "X-Api-Key"}, "bearer", "basic"])
def test_a_redirect_to_another_host_takes_no_key_along(
    service: Service, lake: Path, plan: Plan, place: Any
) -> None:
    with serving() as other:
        service.behave = lambda asked: Say(status=302, headers={"Location": f"{other.url}/moved?id=1"})
        headed = plan(auth=place, headers={"X-Tenant": "ours"})
        assert penstock.land(headed, "lake:weather", rows=cities(1)).answers == 1
        (own,), (foreign,) = service.asked, other.asked
    assert own.headers["x-tenant"] == "ours"
    assert "x-tenant" not in foreign.headers
    assert "sekrit" in str(own.query) + str(own.headers) or "authorization" in own.headers
    assert KEY not in str(foreign)
    assert "authorization" not in foreign.headers


@pytest.mark.parametrize("name", ["X-Api-Key", "Authorization", "cookie", "x-auth-token"])
def test_a_header_that_looks_secret_belongs_to_the_connection(
    service: Service, lake: Path, plan: Plan, name: str
) -> None:
    with pytest.raises(UsageError, match=f"header '{name}'.* in plain text") as caught:
        penstock.land(plan(headers={name: "s3cret"}), "lake:weather", rows=cities(1))
    assert "s3cret" not in str(caught.value)
    assert not service.asked


def bomb(layers: int) -> bytes:
    packing, zeros = zlib.compressobj(1, wbits=31), bytes(1 << 20)
    data = b"".join(packing.compress(zeros) for _ in range(1024)) + packing.flush()
    return data if layers == 1 else gzip.compress(data)


@pytest.mark.parametrize(
    ("encoding", "layers", "reason"),
    [("gzip", 1, "exceeds 256 MiB"), ("gzip, gzip", 2, "'gzip, gzip'"), ("zstd", 1, "'zstd'")],
)
def test_a_decompression_bomb_is_refused_in_little_memory(
    service: Service, lake: Path, plan: Plan, encoding: str, layers: int, reason: str
) -> None:
    service.behave = lambda asked: Say(bomb(layers), headers={"Content-Encoding": encoding})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match=reason):
        penstock.land(plan(retries={"attempts": 1}), "lake:weather", rows=cities(1))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 600_000  # KiB, of 1 GiB


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "raw deflate", "identity"])
def test_compressed_answers(service: Service, lake: Path, plan: Plan, encoding: str) -> None:
    def behave(asked: Asked) -> Say:
        data = weather(asked).data
        packing: dict[str, Callable[[bytes], bytes]] = {
            "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress,
            "raw deflate": lambda data: zlib.compress(data, wbits=-15), "identity": bytes,
        }  # fmt: skip
        return Say(packing[encoding](data), headers={"Content-Encoding": encoding.rsplit(maxsplit=1)[-1]})

    service.behave = behave
    result = penstock.land(plan(), "lake:weather", rows=cities(3))
    assert (result.calls, result.bytes) == (3, sum(len(weather(asked).data) for asked in service.asked))


def test_a_redirect_to_metadata_is_refused(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = lambda asked: Say(status=302, headers={"Location": "http://169.254.169.254/latest/"})
    with pytest.raises(PenstockError, match="may not reach"):
        penstock.land(plan(), "lake:weather", rows=cities(1))


def test_a_redirect_in_a_circle_ends(service: Service, lake: Path, plan: Plan) -> None:
    service.behave = lambda asked: Say(status=301, headers={"Location": asked.path})
    with pytest.raises(SourceError, match="redirected"):
        penstock.land(plan(), "lake:weather", rows=cities(1))
    assert len(service.asked) == 6


def test_the_key_of_a_variable(
    service: Service, lake: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_WEATHER_TOKEN", "token-of-the-variable")
    penstock.land(plan(auth={"query": "appid", "variable": "WEATHER_TOKEN"}), "lake:weather", rows=cities(1))
    assert service.asked[0].query["appid"] == "token-of-the-variable"
    with pytest.raises(PenstockError, match="unknown variable 'NOWHERE'"):
        penstock.land(plan(auth={"query": "appid", "variable": "NOWHERE"}), "lake:w", rows=cities(1))


def test_the_connection_may_say_where_the_key_goes(
    service: Service, lake: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_CONN_API", f"http://:{KEY}@127.0.0.1:{service.port}/?auth=header%3AX-Key")
    penstock.land({"source": "api:/weather"}, "lake:weather")
    assert service.asked[0].headers["x-key"] == KEY
