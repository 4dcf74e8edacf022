"""`penstock copy --mode merge` beside the best SQL that one would write by hand."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Any

from benchmarks.bench import FILLED, SQL_DIR, Bench, require
from benchmarks.copying import copy_clean, timed
from benchmarks.dataset import Dataset
from benchmarks.findings import Claim, Contest, Findings, Timing, spread
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
    findings.claims.append(_claim(contest))
    findings.claims.append(_claim_of_account(contest, own_seconds))


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


def _claim(contest: Contest) -> Claim:
    best = contest.fastest(list(BY_HAND))
    ratios = contest.ratios(PENSTOCK, best)
    return Claim(
        what=f"{contest.title}, beside {best}",
        penstock=f"{contest.seconds(PENSTOCK):.2f} s",
        rival=f"{contest.seconds(best):.2f} s",
        measured=spread(ratios),
        target=f"at most {_BOUND}",
        met=median(ratios) <= _BOUND,
    )


def _claim_of_account(contest: Contest, own_seconds: list[float]) -> Claim:
    best = contest.fastest(list(BY_HAND))
    rival = [timing.seconds for timing in contest.rounds[best]]
    ratios = [mine / theirs for mine, theirs in zip(own_seconds, rival, strict=True)]
    return Claim(
        what="the same by the account's own seconds",
        penstock=f"{median(own_seconds):.2f} s",
        rival=f"{median(rival):.2f} s",
        measured=spread(ratios),
        target=f"at most {_BOUND}",
        met=median(ratios) <= _BOUND,
    )
