"""`penstock copy --mode merge` beside the best SQL that one would write by hand."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from benchmarks.bench import FILLED, SQL_DIR, Bench, require
from benchmarks.copying import copy_clean, timed
from benchmarks.dataset import Dataset
from benchmarks.findings import Contest, Findings, Timing, no_slower
from benchmarks.processes import Run

PENSTOCK = "penstock copy --mode merge"
BY_HAND = {"INSERT … ON CONFLICT": "on_conflict", "UPDATE and INSERT": "update_insert", "MERGE": "merge"}
_TABLE = "bench.sales_keyed"
_BOUND = 1.3


def merge_side_by_side(bench: Bench, data: Dataset, rounds: int, findings: Findings) -> None:
    """Measure, and prove in the first round that all left the same rows."""
    _fill(bench, data)
    times: dict[str, list[Timing]] = defaultdict(list)
    own_seconds = []
    for turn in range(rounds):
        sums = {}
        for name in (PENSTOCK, *BY_HAND):
            bench.fresh(FILLED)
            timing, account = timed(bench, lambda name=name: _merge(bench, data, name))  # type: ignore[misc]
            times[name].append(timing)
            if name == PENSTOCK:
                _require_account(account, data)
                own_seconds.append(float(account["seconds"]))
            expected = data.truth.loaded + data.new
            require(bench.count(_TABLE) == expected, f"{name}: not {expected} rows after the merge")
            if turn == 0:
                sums[name] = bench.checksum(_TABLE)
        require(len(set(sums.values())) <= 1, f"merges left different rows: {sums}")
    contest = Contest(
        f"merge of {data.changed:,} changed and {data.new:,} new rows", data.changed + data.new, times
    )
    findings.contests.append(contest)
    best = contest.fastest(list(BY_HAND))
    theirs = contest.times(best)
    findings.claims += [
        no_slower(f"{contest.title}, beside {best}", contest.times(PENSTOCK), theirs, _BOUND),
        no_slower("the same by the account's own seconds", own_seconds, theirs, _BOUND),
    ]


def _fill(bench: Bench, data: Dataset) -> None:
    bench.fresh()
    copy_clean(bench, data, _TABLE)
    bench.psql(f"--command=VACUUM (FREEZE, ANALYZE) {_TABLE}")
    bench.keep(FILLED)


def _merge(bench: Bench, data: Dataset, name: str) -> tuple[Run, dict[str, Any]]:
    if name == PENSTOCK:
        return bench.copy(data.delta, f"warehouse:{_TABLE}", "--mode", "merge", "--key", "sale_id")
    return bench.psql(f"--file={SQL_DIR / BY_HAND[name]}.sql", cwd=data.delta.parent), {}


def _require_account(account: dict[str, Any], data: Dataset) -> None:
    found = {name: account[name] for name in ("inserted", "updated", "unchanged", "rejected")}
    made = {"inserted": data.new, "updated": data.changed, "unchanged": 0, "rejected": 0}
    require(found == made, f"the account says {found}, the generator {made}")
