"""`penstock copy` from table to table beside what one would otherwise use."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import SQL_DIR, Bench, require
from benchmarks.comparing import _on_both, _psql, _timed
from benchmarks.findings import Claim, Contest, Findings, Timing, no_slower, spread
from benchmarks.processes import Failed, Peak, run
from penstock.stack import ensure, stop
from penstock.stack.postgres.binaries import bundled_programs

TITLE = "Table to table"
ABOUT = (
    "A table of 12 mixed columns on one server, copied to another on the same machine. The pipe is `psql` to `psql`, "
    "binary, into a table that has its key; Penstock and `pg_restore` make the table and its key. dlt and "
    "`fetchall` with `executemany` move fewer rows once, and are compared by rows in a second."
)
ROWS = int(os.environ.get("PENSTOCK_BENCH_ROWS", "5_000_000"))
CHANGED, NEW = ROWS // 100, ROWS // 500
DLT_ROWS, FETCHED_ROWS = ROWS // 10, ROWS // 50
_MOST_ROUNDS = 3

PENSTOCK, PIPE, DUMP = "penstock copy", "psql to psql", "pg_dump -Fc -Z0 to pg_restore"
INCREMENTAL, BY_HAND = "penstock copy --cursor", "temporary staging, ON CONFLICT"
MIRROR, SCAN = "penstock copy --mode mirror", "COPY of both to /dev/null, text"
_SCAN = "COPY bench.wide TO '/dev/null'"
_MB = 1_000_000


def measure(bench: Bench, rounds: int, findings: Findings) -> None:
    """Whole tables, what changed in them, and tables that are equal already."""
    rounds = min(rounds, _MOST_ROUNDS)
    try:
        _psql(bench, "source", f"--set=rows={ROWS}", f"--file={SQL_DIR / 'wide.sql'}")
        _whole(bench, rounds, findings)
        _mirror(bench, rounds, findings)
        _incremental(bench, rounds, findings)
        _slow_ones(bench, findings)
        _memory(bench, findings)
    finally:
        stop(bench.project, "source")


# -- whole tables


def _whole(bench: Bench, rounds: int, findings: Findings) -> None:
    times: dict[str, list[Timing]] = defaultdict(list)
    sums: dict[str, str] = {}
    definition = _schema(bench)
    ways = {PENSTOCK: _copy, PIPE: _pipe, DUMP: _dump}
    for _ in range(rounds):
        for name, way in ways.items():
            _psql(bench, "warehouse", "--command=DROP TABLE IF EXISTS bench.wide")
            if name == PIPE:
                _psql(bench, "warehouse", f"--command={definition}")
            times[name].append(_timed(bench, lambda way=way: way(bench)))  # type: ignore[misc]
            if name not in sums:
                sums[name] = bench.checksum("bench.wide")
    require(len(set(sums.values())) == 1, f"they left different rows: {sums}")
    _psql(bench, "warehouse", "--command=DROP TABLE bench.wide")
    _copy(bench)
    contest = Contest(f"{ROWS:,} rows into a new table with its key", ROWS, times)
    findings.contests.append(contest)
    findings.claims += [_faster(contest, PIPE, 1.2), _faster(contest, DUMP, 1.3)]


def _faster(contest: Contest, rival: str, bound: float) -> Claim:
    ratios = contest.ratios(rival, PENSTOCK)
    return Claim(
        what=f"{contest.title}, beside {rival}",
        penstock=f"{contest.seconds(PENSTOCK):.2f} s",
        rival=f"{contest.seconds(rival):.2f} s",
        measured=f"{spread(ratios)} times as fast",
        target=f"at least {bound}",
        met=median(ratios) >= bound,
    )


def _copy(bench: Bench) -> float:
    done, account = bench.copy("source:bench.wide", "warehouse:bench.wide")
    require(account["loaded"] == ROWS, f"the account says {account}")
    return done.cpu_s


def _schema(bench: Bench) -> str:
    program = [str(bundled_programs() / "pg_dump"), "--schema-only", "--table=bench.wide", "--no-owner"]
    done = subprocess.run(program, env=_place(bench, "source"), capture_output=True, text=True, check=True)
    lines = [
        line for line in done.stdout.splitlines() if not line.startswith(("\\", "SET ", "SELECT ", "--"))
    ]
    return "\n".join(lines)


def _pipe(bench: Bench) -> float:
    psql = f"{shlex.quote(str(bundled_programs() / 'psql'))} --no-psqlrc --quiet --set=ON_ERROR_STOP=1"
    return _shell(
        bench,
        f"{psql} -c 'COPY bench.wide TO STDOUT (FORMAT binary)' {_uri(bench, 'source')} | "
        f"{psql} -c 'COPY bench.wide FROM STDIN (FORMAT binary)' {_uri(bench, 'warehouse')}",
    )


def _dump(bench: Bench) -> float:
    programs = bundled_programs()
    return _shell(
        bench,
        f"{shlex.quote(str(programs / 'pg_dump'))} -Fc -Z0 -t bench.wide {_uri(bench, 'source')} | "
        f"{shlex.quote(str(programs / 'pg_restore'))} --no-owner -d {_uri(bench, 'warehouse')}",
    )


def _shell(bench: Bench, command: str) -> float:
    return run(["bash", "-o", "pipefail", "-c", command], os.environ, bench.root).cpu_s


# -- equal tables


def _mirror(bench: Bench, rounds: int, findings: Findings) -> None:
    times: dict[str, list[Timing]] = defaultdict(list)
    for _ in range(rounds):
        times[MIRROR].append(_timed(bench, lambda: _mirrored(bench)))
        times[SCAN].append(_timed(bench, lambda: _on_both(bench, f"--command={_SCAN}")))
    contest = Contest(f"mirror of {ROWS:,} rows with nothing to do", ROWS, times)
    findings.contests.append(contest)
    findings.claims.append(
        no_slower(f"{contest.title}, beside {SCAN}", contest.times(MIRROR), contest.times(SCAN), 1.5)
    )


def _mirrored(bench: Bench) -> float:
    done, account = bench.copy("source:bench.wide", "warehouse:bench.wide", "--mode", "mirror")
    require(account["unchanged"] == ROWS, f"the account says {account}")
    return done.cpu_s


# -- what changed


def _incremental(bench: Bench, rounds: int, findings: Findings) -> None:
    _psql(bench, "source", "--command=CREATE INDEX ON bench.wide (ordered_at)")
    # The first incremental copy finds all rows there; the other table is for the rival.
    _incremented(bench)
    _psql(
        bench,
        "warehouse",
        "--command=CREATE TABLE bench.by_hand (LIKE bench.wide INCLUDING ALL)",
        "--command=INSERT INTO bench.by_hand SELECT * FROM bench.wide",
        "--command=CREATE INDEX ON bench.wide (ordered_at)",
        "--command=CREATE INDEX ON bench.by_hand (ordered_at)",
        "--command=VACUUM ANALYZE bench.wide",
        "--command=VACUUM ANALYZE bench.by_hand",
    )
    times: dict[str, list[Timing]] = defaultdict(list)
    for turn in range(rounds):
        last = _ask(bench, "source", "SELECT max(ordered_at) FROM bench.wide")
        words = [
            f"--set={name}={value}"
            for name, value in {"turn": turn + 1, "changed": CHANGED, "new": NEW, "rows": ROWS}.items()
        ]
        _psql(bench, "source", *words, f"--file={SQL_DIR / 'change_wide.sql'}")
        times[INCREMENTAL].append(_timed(bench, lambda: _incremented(bench, CHANGED + NEW)))
        times[BY_HAND].append(_timed(bench, lambda last=last: _by_hand(bench, last)))  # type: ignore[misc]
    require(bench.checksum("bench.wide") == bench.checksum("bench.by_hand"), "they left different rows")
    contest = Contest(f"{CHANGED + NEW:,} changed of {ROWS:,} rows", CHANGED + NEW, times)
    findings.contests.append(contest)
    findings.claims.append(
        no_slower(
            f"{contest.title}, beside {BY_HAND}", contest.times(INCREMENTAL), contest.times(BY_HAND), 1.3
        )
    )


def _incremented(bench: Bench, expected: int | None = None) -> float:
    done, account = bench.copy("source:bench.wide", "warehouse:bench.wide", "--cursor", "ordered_at")
    require(expected in (None, account["read"]), f"the account says {account}, not {expected} rows")
    return done.cpu_s


def _by_hand(bench: Bench, last: str) -> float:
    psql = f"{shlex.quote(str(bundled_programs() / 'psql'))} --no-psqlrc --quiet --set=ON_ERROR_STOP=1"
    query = f"COPY (SELECT * FROM bench.wide WHERE ordered_at > '{last}') TO STDOUT (FORMAT binary)"
    return _shell(
        bench,
        f"{psql} -c {shlex.quote(query)} {_uri(bench, 'source')} | "
        f"{psql} -f {SQL_DIR / 'upsert_wide.sql'} {_uri(bench, 'warehouse')}",
    )


# -- rivals that take long, by their rate


def _slow_ones(bench: Bench, findings: Findings) -> None:
    rates = {}
    _psql(bench, "warehouse", "--command=DROP TABLE bench.wide, bench.by_hand")
    _part(bench, DLT_ROWS)
    rates[PENSTOCK] = ROWS / findings.contests[0].seconds(PENSTOCK)
    rates["fetchall, executemany"] = FETCHED_ROWS / _timed(bench, lambda: _fetched(bench)).seconds
    try:
        python = _environment(
            bench.root / "dlt",
            "dlt[postgres]",
            "connectorx",
            "pyarrow",
            "sqlalchemy<2.1",
            "psycopg2-binary",
            "pandas",
        )
        rates["dlt, connectorx"] = DLT_ROWS / _timed(bench, lambda: _dlt(bench, python)).seconds
    except (Failed, subprocess.CalledProcessError) as error:
        findings.notes.append(f"dlt was not measured: {str(error)[-300:]}")
    for name, bound in {"dlt, connectorx": 8.0, "fetchall, executemany": 20.0}.items():
        if name in rates:
            ratio = rates[PENSTOCK] / rates[name]
            findings.claims.append(
                Claim(f"rows in a second, beside {name}", f"{rates[PENSTOCK]:,.0f}", f"{rates[name]:,.0f}",
                      f"{ratio:.1f} times as fast", f"at least {bound:g}", met=ratio >= bound)
            )  # fmt: skip


_FETCH = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as source, psycopg.connect(sys.argv[2]) as target:
    rows = source.execute("SELECT id, customer, amount, ordered_at, details::text, active, due, note, quantity, rate, "
                          "city, code FROM bench.wide LIMIT " + sys.argv[3]).fetchall()
    target.execute("CREATE TABLE bench.fetched (id bigint PRIMARY KEY, customer text, amount numeric(12, 2), "
                   "ordered_at timestamptz, details jsonb, active boolean, due date, note text, quantity integer, "
                   "rate double precision, city varchar(40), code bigint)")
    # As insert_rows of Airflow's hooks does it: one statement for each row, a commit every 1,000.
    for place, row in enumerate(rows):
        target.execute("INSERT INTO bench.fetched VALUES (" + ", ".join(["%s"] * 12) + ")", row)
        if place % 1000 == 999:
            target.commit()
"""
_DLT = """
import sys, dlt
from dlt.sources.sql_database import sql_table
source = sql_table(sys.argv[1], schema="bench", table="part", backend="connectorx",
                   backend_kwargs={"return_type": "arrow"})
pipeline = dlt.pipeline("tables", destination=dlt.destinations.postgres(sys.argv[2]), dataset_name="dlt_tables",
                        pipelines_dir=sys.argv[3])
pipeline.run(source, write_disposition="replace")
"""


def _fetched(bench: Bench) -> float:
    argv = [
        sys.executable,
        "-c",
        _FETCH,
        _raw_uri(bench, "source"),
        _raw_uri(bench, "warehouse"),
        str(FETCHED_ROWS),
    ]
    return run(argv, os.environ, bench.root).cpu_s


def _dlt(bench: Bench, python: Path) -> float:
    argv = [
        str(python),
        "-c",
        _DLT,
        _raw_uri(bench, "source"),
        _raw_uri(bench, "warehouse"),
        str(bench.root / "dlt"),
    ]
    return run(argv, {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}, bench.root).cpu_s


def _environment(place: Path, *packages: str) -> Path:
    subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", str(place)], check=True)
    python = place / "bin" / "python"
    install = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    subprocess.run([sys.executable, "-m", *install, *packages], check=True)
    return python


# -- memory


def _memory(bench: Bench, findings: Findings) -> None:
    peaks = {}
    for rows in (ROWS // 10, ROWS):
        table = "bench.wide" if rows == ROWS else "bench.part"
        if rows != ROWS:
            _part(bench, rows)
        _psql(bench, "warehouse", "--command=DROP TABLE IF EXISTS bench.copied")
        peak = Peak()
        bench.copy(f"source:{table}", "warehouse:bench.copied", peak=peak)
        peaks[rows] = max(peak.rss, peak.high_water) / _MB
    for rows, peak_mb in peaks.items():
        what = f"peak resident memory of the client, {rows:,} rows"
        findings.claims.append(
            Claim(what, f"{peak_mb:.0f} MB", "", f"{peak_mb:.0f} MB", "under 150 MB", met=peak_mb < 150)
        )


def _part(bench: Bench, rows: int) -> None:
    _psql(bench, "source", f"--command=CREATE TABLE bench.part AS SELECT * FROM bench.wide LIMIT {rows}")


# -- where they are


def _ask(bench: Bench, server: str, query: str) -> str:
    program = [str(bundled_programs() / "psql"), "--no-psqlrc", "-Atc", query]
    done = subprocess.run(program, env=_place(bench, server), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _place(bench: Bench, server: str) -> dict[str, str]:
    found = _parts(bench, server)
    return {**os.environ, **{f"PG{name.upper()}": str(value) for name, value in found.items()}}


def _parts(bench: Bench, server: str) -> dict[str, Any]:
    connection = ensure(bench.project, server)
    assert connection.password is not None  # every embedded server has one
    return {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password.reveal(),
        "database": connection.database,
        "sslmode": "disable",
    }


def _raw_uri(bench: Bench, server: str) -> str:
    at = _parts(bench, server)
    return f"postgresql://{at['user']}:{at['password']}@{at['host']}:{at['port']}/{at['database']}?sslmode=disable"


def _uri(bench: Bench, server: str) -> str:
    return shlex.quote(_raw_uri(bench, server))
