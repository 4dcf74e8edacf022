"""`penstock diff` of two equal tables beside a full scan of both."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import psutil

from benchmarks.bench import SQL_DIR, Bench, require
from benchmarks.calm import busy_s, share, wait_for_calm
from benchmarks.findings import Contest, Findings, Timing, no_slower
from benchmarks.processes import run
from penstock.stack import ensure, status, stop
from penstock.stack.postgres.binaries import bundled_programs

TITLE = "Comparing two tables"
ABOUT = (
    "Two equal tables of 12 mixed columns on two servers, both of which work at the same time, whoever is measured. A "
    "full scan reads every column of every row on both and throws it away: `COPY … TO '/dev/null'`, as text (which is "
    "what is compared) or binary; `count(t.*)` only touches the rows."
)
ROWS = int(os.environ.get("PENSTOCK_BENCH_ROWS", "5_000_000"))

DIFF, TEXT, BINARY, COUNT = "penstock diff", "COPY, text", "COPY, binary", "count(t.*)"
CHANGED = "penstock diff, 1,000 rows changed"
_SERVERS = ("source", "warehouse")
_SCANS = {
    TEXT: "COPY bench.wide TO '/dev/null'",
    BINARY: "COPY bench.wide TO '/dev/null' (FORMAT binary)",
    COUNT: "SELECT count(t.*) FROM bench.wide AS t",
}
_CHANGE = f"UPDATE bench.wide SET note = 'changed' WHERE id % {max(1, ROWS // 1_000)} = 0"
_BOUND = 1.5


def measure(bench: Bench, rounds: int, findings: Findings) -> None:
    """Compare equal tables, then tables that differ in few rows, in turns with the scans."""
    try:
        _on_both(bench, f"--set=rows={ROWS}", f"--file={SQL_DIR / 'wide.sql'}")
        times: dict[str, list[Timing]] = defaultdict(list)
        for _ in range(rounds):
            times[DIFF].append(_timed(bench, lambda: _diff(bench, changed=0)))
            for name, scan in _SCANS.items():
                times[name].append(_timed(bench, lambda scan=scan: _on_both(bench, f"--command={scan}")))
        _psql(bench, "warehouse", f"--command={_CHANGE}", "--command=VACUUM bench.wide")
        changed = ROWS // max(1, ROWS // 1_000)
        for _ in range(rounds):
            times[CHANGED].append(_timed(bench, lambda: _diff(bench, changed=changed)))
    finally:
        stop(bench.project, "source")
    contest = Contest(f"two tables of {ROWS:,} rows", 2 * ROWS, times)
    findings.contests.append(contest)
    findings.claims += [
        no_slower(
            f"two equal tables of {ROWS:,} rows, beside a scan of both ({scan})",
            contest.times(DIFF),
            contest.times(scan),
            _BOUND,
        )
        for scan in (TEXT, BINARY)
    ]
    findings.notes.append(
        f"1,000 rows changed: {contest.seconds(CHANGED):.1f} s, {median(contest.ratios(CHANGED, DIFF)):.1f} of the "
        f"time for equal tables. `count(t.*)`, which reads no column: {contest.seconds(COUNT):.1f} s."
    )


def _diff(bench: Bench, *, changed: int) -> float:
    # It ends with 1 where tables differ, which is what was asked.
    expected = f'"$@"; test $? -eq {1 if changed else 0}'
    program = [
        sys.executable,
        "-m",
        "penstock",
        "diff",
        "source:bench.wide",
        "warehouse:bench.wide",
        "--json",
    ]
    done = run(
        ["sh", "-c", expected, "sh", *program],
        {**os.environ, "PENSTOCK_PROJECT": str(bench.root)},
        bench.root,
    )
    found = json.loads(done.output)["changed"]
    require(found == changed, f"penstock diff found {found} changed rows of {changed}")
    return done.cpu_s


def _on_both(bench: Bench, *arguments: str) -> float:
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lambda server: _psql(bench, server, *arguments), _SERVERS))


def _psql(bench: Bench, server: str, *arguments: str) -> float:
    connection = ensure(bench.project, server)
    assert connection.password is not None
    place = {"PGHOST": connection.host, "PGPORT": connection.port, "PGUSER": connection.login}
    place |= {
        "PGPASSWORD": connection.password.reveal(),
        "PGDATABASE": connection.database,
        "PGSSLMODE": "disable",
    }
    program = [str(bundled_programs() / "psql"), "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet"]
    return run(
        [*program, *arguments], {**os.environ, **{k: str(v) for k, v in place.items()}}, bench.root
    ).cpu_s


def _timed(bench: Bench, work: Callable[[], float]) -> Timing:
    wait_for_calm()
    servers_before, busy_before, started = _server_cpu_s(bench), busy_s(), time.perf_counter()
    client = work()
    seconds = time.perf_counter() - started
    busy, servers = busy_s() - busy_before, _server_cpu_s(bench) - servers_before
    return Timing(seconds, client, servers, share(busy - servers - client, seconds))


def _server_cpu_s(bench: Bench) -> float:
    time.sleep(0.1)  # a session outlives its client by a moment
    total = 0.0
    for server in _SERVERS:
        pid = status(bench.project, server).pid
        assert pid is not None  # it runs as long as it is measured
        times = psutil.Process(pid).cpu_times()
        total += float(times.children_user + times.children_system)
    return total
