"""How long the smallest commands take."""

from __future__ import annotations

from itertools import islice
from statistics import median

from benchmarks.bench import Bench, require
from benchmarks.calm import wait_for_calm
from benchmarks.dataset import Dataset
from benchmarks.findings import Claim, Findings, spread

_TIMES = 10
_ROWS = 10
_HELP_S, _COPY_S = 0.3, 1.0


def measure_start(bench: Bench, data: Dataset, findings: Findings) -> None:
    """`penstock --help`, and a copy of ten rows, in turns."""
    bench.fresh()
    path = bench.root / "ten.csv"
    with data.clean.open() as clean:
        path.write_text("".join(islice(clean, _ROWS + 1)))
    helps, copies = [], []
    wait_for_calm()
    for _ in range(_TIMES):
        helps.append(bench.penstock("--help").seconds)
        done, account = bench.copy(path, "warehouse:bench.sales", "--again")
        require(account["loaded"] == _ROWS, f"a copy of {_ROWS} rows loaded {account['loaded']}")
        copies.append(done.seconds)
    findings.claims += [
        _claim("penstock --help", helps, _HELP_S),
        _claim(f"penstock copy of {_ROWS} rows, server up", copies, _COPY_S),
    ]


def _claim(what: str, times: list[float], bound: float) -> Claim:
    return Claim(
        what, f"{median(times):.2f} s", "", f"{spread(times)} s", f"under {bound} s", median(times) < bound
    )
