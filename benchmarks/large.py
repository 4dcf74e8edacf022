"""Memory at ten times the rows: table to table, and on to objects."""

from __future__ import annotations

import os

from benchmarks.bench import SQL_DIR, Bench, require
from benchmarks.comparing import _psql
from benchmarks.findings import Claim, Findings
from benchmarks.processes import Peak
from penstock.stack import services, stop

TITLE = "Memory and size"
ABOUT = (
    "What `penstock copy` holds at most, its process tree, from one server's table into another's and on to Parquet "
    "objects on the embedded store: a table of 12 mixed columns, and one of its rows ten times over. Once each. "
    "PENSTOCK_BENCH_ROWS is how many rows the smaller has."
)

ROWS = int(os.environ.get("PENSTOCK_BENCH_ROWS", "5_000_000"))
TIMES = 10
_MB = 1_000_000
_TARGET = "s3://replication-bucket/large/"


def measure(bench: Bench, rounds: int, findings: Findings) -> None:  # noqa: ARG001  # as every topic
    """The table and the larger one, both ways."""
    try:
        services.ensure(bench.project, "objects")
        _psql(bench, "source", f"--set=rows={ROWS}", f"--file={SQL_DIR / 'wide.sql'}")
        _both_ways(bench, findings, "wide", ROWS)
        several = f"bench.wide AS w, generate_series(1, {TIMES})"
        _psql(bench, "source", f"--command=CREATE TABLE bench.large AS SELECT w.* FROM {several}")
        _both_ways(bench, findings, "large", ROWS * TIMES)
    finally:
        services.stop(bench.project, "objects")
        stop(bench.project, "source")


def _both_ways(bench: Bench, findings: Findings, table: str, rows: int) -> None:
    copied = f"warehouse:bench.{table}"
    _held(bench, findings, f"source:bench.{table}", copied, rows, most_mb=150)
    _held(bench, findings, copied, f"{_TARGET}{table}/", rows, most_mb=250)


def _held(bench: Bench, findings: Findings, source: str, target: str, rows: int, *, most_mb: int) -> None:
    peak = Peak()
    done, account = bench.copy(source, target, peak=peak)
    require(account["loaded"] == rows, f"the account says {account}")
    held = max(peak.rss, peak.high_water) / _MB
    kind = "to Parquet objects" if target.startswith("s3:") else "into another server's table"
    what = f"{rows:,} rows {kind}, in {done.seconds:.0f} s"
    findings.claims.append(
        Claim(what, f"{held:.0f} MB", "", f"{held:.0f} MB", f"under {most_mb} MB", met=held < most_mb)
    )
