"""`penstock copy` of a dirty file beside `psql \\copy` of its good rows, into the same table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.bench import Bench, require
from benchmarks.calm import busy_s, share, wait_for_calm
from benchmarks.dataset import Dataset, Truth
from benchmarks.findings import Claim, Contest, Findings, Timing, spread
from benchmarks.processes import Run

PENSTOCK, PSQL = "penstock copy", "psql \\copy"
_BOUNDS = {"bench.sales": 0.80, "bench.sales_keyed": 0.85}
_TITLES = {
    "bench.sales": "copy into a table without index",
    "bench.sales_keyed": "copy into a table with its primary key",
}


def copy_side_by_side(bench: Bench, data: Dataset, table: str, rounds: int, findings: Findings) -> None:
    """Measure, and prove in the first round that both left the same rows."""
    times: dict[str, list[Timing]] = defaultdict(list)
    own_seconds: list[float] = []
    for turn in range(rounds):
        sums = []
        for name in (PENSTOCK, PSQL):
            bench.fresh()
            if name == PENSTOCK:
                timing, account = timed(bench, lambda: copy_dirty(bench, data, table))
                require_account(account, data.truth)
                own_seconds.append(account["seconds"])
            else:
                timing, _ = timed(bench, lambda: (copy_clean(bench, data, table), {}))
            times[name].append(timing)
            require(
                bench.count(table) == data.truth.loaded,
                f"{name}: other rows in {table} than the generator made",
            )
            sums.append(bench.checksum(table) if turn == 0 else "")
        require(sums[0] == sums[1], f"{PENSTOCK} and {PSQL} left different rows: {sums}")
    findings.contests.append(contest := Contest(_TITLES[table], data.truth.loaded, times))
    findings.claims += [
        _claim(contest, _BOUNDS[table]),
        _claim_of_account(contest, own_seconds, _BOUNDS[table]),
    ]


def timed(bench: Bench, work: Callable[[], tuple[Run, dict[str, Any]]]) -> tuple[Timing, dict[str, Any]]:
    """Do the work and take its times."""
    wait_for_calm()
    server_before, busy_before = bench.server_cpu_s(), busy_s()
    run, account = work()
    busy, server = busy_s() - busy_before, bench.server_cpu_s() - server_before
    others = share(busy - server - run.cpu_s, run.seconds)
    return Timing(run.seconds, run.cpu_s, server, others), account


def copy_dirty(bench: Bench, data: Dataset, table: str) -> tuple[Run, dict[str, Any]]:
    """Clean, type, de-duplicate, keep the rejects."""
    return bench.copy(data.dirty, f"warehouse:{table}", "--key", "sale_id")


def copy_clean(bench: Bench, data: Dataset, table: str) -> Run:
    """psql, which loads a file that is already clean."""
    done = bench.psql(
        f"--command=\\copy {table} FROM '{data.clean.name}' (FORMAT csv, HEADER)", cwd=data.clean.parent
    )
    require(done.output.strip() == f"COPY {data.truth.loaded}", f"psql says {done.output!r}")
    return done


def require_account(account: dict[str, Any], truth: Truth) -> None:
    """Hold the account against what the generator knows."""
    for name in ("read", "loaded", "duplicates", "rejects"):
        made = getattr(truth, name)
        require(account[name] == made, f"the account says {name} = {account[name]}, the generator {made}")


def _claim(contest: Contest, bound: float) -> Claim:
    speeds = [1 / ratio for ratio in contest.ratios(PENSTOCK, PSQL)]
    return Claim(
        what=contest.title,
        penstock=rate(contest.rows, contest.seconds(PENSTOCK)),
        rival=rate(contest.rows, contest.seconds(PSQL)),
        measured=spread(speeds),
        target=f"at least {bound:.2f}",
        met=median(speeds) >= bound,
    )


def _claim_of_account(contest: Contest, own_seconds: list[float], bound: float) -> Claim:
    psql = [timing.seconds for timing in contest.rounds[PSQL]]
    speeds = [theirs / mine for mine, theirs in zip(own_seconds, psql, strict=True)]
    return Claim(
        what="the same by the account's own seconds",
        penstock=rate(contest.rows, median(own_seconds)),
        rival=rate(contest.rows, median(psql)),
        measured=spread(speeds),
        target=f"at least {bound:.2f}",
        met=median(speeds) >= bound,
    )


def rate(rows: int, seconds: float) -> str:
    """How fast, and how long."""
    return f"{rows / seconds / 1000:,.0f} k rows/s ({seconds:.2f} s)"
