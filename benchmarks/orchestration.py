"""DAGs without servers: `penstock run` beside `airflow dags test`, and `penstock parse`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench
from benchmarks.calm import wait_for_calm
from benchmarks.findings import Claim, Findings, no_slower, spread
from benchmarks.processes import run

TITLE = "DAGs without servers"
ABOUT = (
    "Whole processes, in turns, each on a metadata database that was migrated before. The DAG has six short Python "
    "tasks in a row, each of which takes what the one before returned. `penstock parse` imports ten files with a DAG "
    "like that each."
)
SIX_S, PARSE_S = 6.0, 3.0
BESIDE = 0.9
_DAY = "2013-02-05"
_DAG = """
from datetime import UTC, datetime
from airflow.sdk import DAG, task

with DAG("{name}", schedule="@daily", start_date=datetime(2013, 2, 1, tzinfo=UTC), catchup=False):
    @task
    def add(number):
        return number + 1

    found = 0
    for place in range(6):
        found = add.override(task_id=f"t{{place}}")(found)
"""


def measure(bench: Bench, rounds: int, findings: Findings) -> None:
    """Runs in turns with the rival, a week of runs, ten files."""
    root = bench.root / "orchestration"
    dags = root / "dags"
    dags.mkdir(parents=True)
    (root / "penstock.toml").write_text("")
    (dags / "six.py").write_text(_DAG.format(name="six"))
    home = root / "rival"
    home.mkdir()
    _airflow(home, dags, "db", "migrate")
    _penstock(root, "run", "six", "--date", _DAY)  # makes the database
    mine, theirs, week = [], [], []
    for _ in range(rounds):
        wait_for_calm()
        mine.append(_penstock(root, "run", "six", "--date", _DAY))
        theirs.append(_airflow(home, dags, "dags", "test", "six", _DAY))
        week.append(_penstock(root, "run", "six", "--from", "2013-02-01", "--to", "2013-02-07"))
    further = [(seven - one) / 6 for seven, one in zip(week, mine, strict=True)]
    for number in range(1, 10):
        (dags / f"dag_{number}.py").write_text(_DAG.format(name=f"dag_{number}"))
    parses = []
    for _ in range(rounds):
        wait_for_calm()
        parses.append(_penstock(root, "parse"))
    findings.claims += [
        no_slower("`penstock run`, six tasks, beside `airflow dags test`", mine, theirs, BESIDE),
        _bound("the same", mine, SIX_S),
        _bound("each further date of `--from` and `--to`", further, 1.0),
        _bound("`penstock parse`, ten files", parses, PARSE_S),
    ]


def _bound(what: str, times: Sequence[float], bound: float) -> Claim:
    found = median(times)
    return Claim(what, f"{found:.2f} s", "", f"{spread(times)} s", f"under {bound:.0f} s", found < bound)


def _penstock(root: Path, *words: str) -> float:
    environment = _inherited() | {"PENSTOCK_PROJECT": str(root)}
    return run([str(_program("penstock")), *words], environment, root).seconds


def _airflow(home: Path, dags: Path, *words: str) -> float:
    settings = {
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__LOAD_EXAMPLES": "False",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'metadata.db'}",
    }
    own = {f"AIRFLOW__{name}": value for name, value in settings.items()}
    environment = _inherited() | own | {"AIRFLOW_HOME": str(home)}
    return run([str(_program("airflow")), *words], environment, home).seconds


def _inherited() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PENSTOCK_"))
    }


def _program(name: str) -> Path:
    return Path(sys.executable).with_name(name)
