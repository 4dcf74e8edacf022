"""APIs: the limit that is kept, beside bare httpx and dlt's REST source; landing, loading, memory."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.bench import Bench
from benchmarks.findings import Claim, Findings, spread
from benchmarks.processes import Failed, Peak, run
from penstock.model.connection import Connection
from penstock.stack import ensure

TITLE = "APIs"
ABOUT = (
    "One weather answer of 500 bytes for each request, from a server on this machine (uvicorn), 16 requests at once. "
    "Bare httpx reads the answers and drops them; Penstock lands them. The limit is 60 calls in 12 seconds instead of "
    "60, kept in Postgres, shared by two processes, and judged by the server's own clock: how long it took from the "
    "first call to the last, beside the least that the limit allows. dlt asks the same service for the same answers, "
    "with as many requests at once as it does by itself, and loads them into the same Postgres. PENSTOCK_BENCH_ANSWERS "
    "is how many answers the large landing has, for its memory: 20,000, so that all of this takes two minutes."
)
CALLS, WINDOW_S, WINDOWS = 60, 12.0, 3
COUNT, RIVAL_COUNT = 3_000, 2_000
LOADED = 20_000
FEW, MANY = 1_000, int(os.environ.get("PENSTOCK_BENCH_ANSWERS", LOADED))
_HERE = Path(__file__).parent


def measure(bench: Bench, rounds: int, findings: Findings) -> None:
    """The limit, then speed in turns, then loading and memory, then the rival."""
    _limit(bench, findings)
    with _served() as url:
        _beside_httpx(bench, url, rounds, findings)
        _memory(bench, url, findings, _loading(bench, url, findings))
        _beside_dlt(bench, url, findings)


def _limit(bench: Bench, findings: Findings) -> None:
    with _served(CALLS, WINDOW_S) as url:
        each = CALLS * WINDOWS // 2
        limit = json.dumps({"calls": CALLS, "per_s": WINDOW_S, "shared": "warehouse"})
        argv = [sys.executable, "-m", "benchmarks.api_scripts", "land"]
        both = [
            subprocess.Popen(
                [*argv, f"lake:limit{number}", str(each), limit],
                env=_environment(bench, url),
                stdout=subprocess.DEVNULL,
            )
            for number in range(2)
        ]
        if any(process.wait() for process in both):
            raise Failed("a landing under a limit failed")
        calls = httpx.get(f"{url}/calls").json()
    times = sorted(calls["times"])
    most = max(
        sum(begin <= other < begin + WINDOW_S for other in times[at:]) for at, begin in enumerate(times)
    )
    least_s = (WINDOWS - 1) * WINDOW_S
    share = least_s / (times[-1] - times[0]) if len(times) == 2 * each else 0.0
    # The last calls of the last window come at its start, so the first and the last call are this many windows apart.
    findings.claims.append(
        Claim(
            "calls made of those that the limit permits, two processes",
            f"{times[-1] - times[0]:.2f} s",
            f"{least_s:.2f} s",
            f"{share:.1%}",
            "at least 99 %",
            share >= 0.99,
        )
    )
    findings.claims.append(
        Claim(
            f"calls in the fullest {WINDOW_S:g} s, and calls beyond the limit",
            f"{most}, {calls['refused']}",
            "",
            f"{most}, {calls['refused']}",
            f"{CALLS}, 0",
            most <= CALLS and calls["refused"] == 0,
        )
    )


def _beside_httpx(bench: Bench, url: str, rounds: int, findings: Findings) -> None:
    mine, theirs = [], []
    for turn in range(rounds):
        theirs.append(_script(bench, url, "bare", url, COUNT)["seconds"])
        mine.append(_script(bench, url, "land", f"lake:speed{turn}", COUNT)["seconds"])
    ratios = [other / own for own, other in zip(mine, theirs, strict=True)]
    findings.claims.append(
        Claim(
            f"{COUNT:,} requests beside bare httpx, as a rate",
            f"{COUNT / median(mine):,.0f}/s",
            f"{COUNT / median(theirs):,.0f}/s",
            spread(ratios),
            "at least 0.8",
            median(ratios) >= 0.8,
        )
    )


def _loading(bench: Bench, url: str, findings: Findings) -> Peak:
    """Land many answers and load them; returns the memory that the landing held."""
    peak = Peak()
    landed = _script(bench, url, "land", "lake:cities", LOADED, peak=peak)
    bench.fresh()
    done, account = bench.copy("lake:cities", "warehouse:raw_weather", "--key", "id")
    if account["loaded"] != LOADED or bench.count("raw_weather") != LOADED:
        raise Failed(f"{account} of {LOADED} records")
    rate = LOADED / done.seconds * 60
    findings.claims.append(
        Claim(
            f"{LOADED:,} answers landed in {landed['seconds']:.1f} s, then loaded: records a minute",
            f"{done.seconds:.2f} s",
            "",
            f"{rate:,.0f}",
            "at least 100,000",
            rate >= 100_000,
        )
    )
    return peak


def _memory(bench: Bench, url: str, findings: Findings, loaded: Peak) -> None:
    few = _peak(bench, url, FEW)
    many = loaded.high_water if MANY == LOADED else _peak(bench, url, MANY)
    findings.claims.append(
        Claim(
            f"memory of a landing of {MANY:,} answers beside {FEW:,}",
            f"{many >> 20} MB",
            f"{few >> 20} MB",
            f"{many / few:.2f}",
            "at most 1.25",
            many <= 1.25 * few,
        )
    )


def _peak(bench: Bench, url: str, count: int) -> int:
    peak = Peak()
    _script(bench, url, "land", f"lake:memory{count}", count, peak=peak)
    return peak.high_water


def _beside_dlt(bench: Bench, url: str, findings: Findings) -> None:
    python = _environment_of_rival()
    warehouse = ensure(bench.project, "warehouse", database="warehouse")
    home = bench.root / "dlt"
    argv = [str(python), str(_HERE / "api_dlt.py"), url, str(RIVAL_COUNT), _uri(warehouse), str(home)]
    rival = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", "HOME": str(bench.root)}
    theirs = run(argv, rival, bench.root)
    (bench.root / "cities.csv").write_text("id\n" + "".join(f"{number}\n" for number in range(RIVAL_COUNT)))
    (bench.root / "plan.yaml").write_text(
        "source: api:/weather\nauth: {query: appid}\neach: {file: cities.csv}\n"
        "columns: {id: id, temperature: main.temp}\n"
    )
    penstock = str(Path(sys.executable).with_name("penstock"))
    land = [penstock, "copy", str(bench.root / "plan.yaml"), "lake:rival"]
    landed = run(land, _environment(bench, url), _HERE.parent)
    loaded = bench.copy("lake:rival", "warehouse:rival", "--key", "id")[0]
    findings.claims.append(
        Claim(
            f"{RIVAL_COUNT:,} answers from the service into Postgres beside dlt, whole processes",
            f"{landed.seconds:.1f} + {loaded.seconds:.1f} s",
            f"{theirs.seconds:.1f} s",
            f"{theirs.seconds / (landed.seconds + loaded.seconds):.1f} times",
            "beside it",
            True,
        )
    )
    mine_s = landed.cpu_s + loaded.cpu_s
    findings.claims.append(
        Claim(
            "the same, processor time of the processes",
            f"{landed.cpu_s:.1f} + {loaded.cpu_s:.1f} s",
            f"{theirs.cpu_s:.1f} s",
            f"{theirs.cpu_s / mine_s:.1f} times",
            "beside it",
            True,
        )
    )


def _environment_of_rival() -> Path:
    """The Python of an environment that holds dlt; made once, kept beside the project's own state."""
    home = _HERE.parent / ".penstock" / "bench" / "dlt"
    python = home / "bin" / "python"
    if not python.exists():
        uv = str(Path(sys.executable).with_name("uv"))
        for argv in ([uv, "venv", "-q", "--python", sys.executable, str(home)],):
            run(argv, os.environ, _HERE)
        run([uv, "pip", "install", "-q", "--python", str(python), "dlt[postgres]"], os.environ, _HERE)
    return python


def _script(
    bench: Bench, url: str, name: str, where: str, count: int, *, peak: Peak | None = None
) -> dict[str, Any]:
    argv = [sys.executable, "-m", "benchmarks.api_scripts", name, where, str(count)]
    done = run(argv, _environment(bench, url), _HERE.parent, peak)
    found: dict[str, Any] = json.loads(done.output.splitlines()[-1])
    return found


def _environment(bench: Bench, url: str) -> Mapping[str, str]:
    return {
        **os.environ,
        "PENSTOCK_PROJECT": str(bench.root),
        "PENSTOCK_CONN_API": f"http://:key-of-the-bench@{url.removeprefix('http://')}",
    }


def _uri(connection: Connection) -> str:
    assert connection.password is not None
    password = quote(connection.password.reveal(), safe="")
    return f"postgresql://{connection.login}:{password}@{connection.host}:{connection.port}/{connection.database}"


@contextmanager
def _served(calls: int = 0, window_s: float = 0.0) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "benchmarks.api_server", str(port), str(calls), str(window_s)]
    server = subprocess.Popen(argv, cwd=_HERE.parent)
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url)
        yield url
    finally:
        server.terminate()
        server.wait()


def _await(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(f"{url}/calls")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise Failed("the weather service of the bench did not start")
