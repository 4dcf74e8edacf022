"""The stack: started from nothing and warm, beside `airflow standalone`; stopped; idle."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench
from benchmarks.calm import wait_for_calm
from benchmarks.findings import Claim, Findings, spread
from benchmarks.processes import Failed
from benchmarks.standalone import Standalone
from penstock.project import Project
from penstock.stack import state_file
from penstock.stack.processes import cpu_of, family, memory_of

TITLE = "The stack"
ABOUT = (
    "Seconds of `penstock start` and `penstock stop` as a user waits for them. `airflow standalone` runs the same four "
    "processes on SQLite, without a database server, and is waited for in the same way: until Airflow's own report has "
    "heard of every part since the start. Both read one DAG of three tasks; the other figures are those of the whole "
    "gallery, with its dbt project."
)
COLD_S, WARM_S, STOP_S, MEMORY_MB, IDLE_PERCENT = 15.0, 8.0, 5.0, 1200.0, 25.0
BESIDE = 1.3  # of a rival that starts no servers
MOST_ROUNDS = 3  # each takes a minute and a half
REST_S, IDLE_S = 15.0, 60.0

_GALLERY = Path(__file__).parent.parent / "pipelines"
_DAG = _GALLERY / "dags" / "course" / "check_dag.py"
_TOML = "\n[stack.ports]\nairflow = 0\nmetadata = 0\nsource = 0\nwarehouse = 0\nobjects = 0\nsandbox = 0\n"


def measure(bench: Bench, rounds: int, findings: Findings) -> None:
    """Starts in turns with the rival, then the bounds."""
    rounds = min(rounds, MOST_ROUNDS)
    _beside_standalone(bench.root / "beside", rounds, findings)
    _gallery(bench.root / "gallery", rounds, findings)


def _beside_standalone(root: Path, rounds: int, findings: Findings) -> None:
    project = Project(root / "project")
    dags = project.root / "dags"
    dags.mkdir(parents=True)
    (project.root / "penstock.toml").write_text(_TOML)
    shutil.copy(_DAG, dags)
    cold: list[tuple[float, float]] = []
    warm: list[tuple[float, float]] = []
    try:
        for turn in range(rounds):
            home = root / f"airflow-{turn}"
            home.mkdir()
            rival = Standalone(home, dags)
            penstock(project, "reset", "--yes")
            for times in (cold, warm):
                times.append((_once(project), _rival_once(rival)))
    finally:
        penstock(project, "stop")
    findings.claims += [_contest("from nothing", cold), _contest("warm", warm)]


def _once(project: Project) -> float:
    wait_for_calm()
    seconds = penstock(project, "start")
    penstock(project, "stop")
    return seconds


def _rival_once(rival: Standalone) -> float:
    wait_for_calm()
    try:
        return rival.start()
    finally:
        rival.stop()


def _contest(what: str, pairs: list[tuple[float, float]]) -> Claim:
    mine, theirs = (median(times) for times in zip(*pairs, strict=True))
    ratios = [ours / others for ours, others in pairs]
    return Claim(
        f"up {what}, one DAG, beside airflow standalone",
        f"{mine:.1f} s",
        f"{theirs:.1f} s",
        spread(ratios),
        f"at most {BESIDE}",
        median(ratios) <= BESIDE,
    )


def _gallery(root: Path, rounds: int, findings: Findings) -> None:
    project = Project(root)
    shutil.copytree(_GALLERY, root, ignore=shutil.ignore_patterns(".penstock"))
    kept = (root / "penstock.toml").read_text().partition("[stack")[0]
    (root / "penstock.toml").write_text(kept + _TOML)
    cold, warm, stops = [], [], []
    try:
        for _ in range(rounds):
            penstock(project, "reset", "--yes")
            for times in (cold, warm):
                wait_for_calm()
                times.append(penstock(project, "start"))
                stops.append(penstock(project, "stop"))
        penstock(project, "start")
        percent, held_mb = idle(project, IDLE_S), held(project)
    finally:
        penstock(project, "stop")
    findings.claims += [
        _bound("gallery up from nothing", cold, COLD_S),
        _bound("gallery up again", warm, WARM_S),
        _bound("stop", stops, STOP_S),
        _figure("idle memory, shared pages divided", held_mb, MEMORY_MB, "MB"),
        _figure(f"idle processor time, over {IDLE_S:.0f} s", percent, IDLE_PERCENT, "% of one core"),
    ]


def _bound(what: str, times: list[float], bound: float) -> Claim:
    found = median(times)
    return Claim(what, f"{found:.1f} s", "", f"{spread(times)} s", f"under {bound:.0f} s", found < bound)


def _figure(what: str, found: float, bound: float, unit: str) -> Claim:
    shown = f"{found:,.0f} {unit}"
    return Claim(what, shown, "", shown, f"under {bound:,.0f} {unit}", found < bound)


def penstock(project: Project, *words: str) -> float:
    """Run a command and say how long it took.

    Raises:
        Failed: It ended badly.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "penstock", *words],
        env=os.environ | {"PENSTOCK_PROJECT": str(project.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"penstock {words[0]}: {done.stderr}")
    return time.perf_counter() - began


def idle(project: Project, seconds: float) -> float:
    """Percent of one core that everything together uses, once it has come to rest."""
    time.sleep(REST_S)
    before = _used(project)
    time.sleep(seconds)
    return (_used(project) - before) / seconds * 100


def _used(project: Project) -> float:
    return sum(cpu_of(pid) for pid in _everyone(project))


def held(project: Project) -> float:
    """Megabytes that everything together holds."""
    return sum(memory_of(pid) for pid in _everyone(project)) / 1e6


def _everyone(project: Project) -> set[int]:
    found = _running(project)
    return {pid for process in (found.supervisor, *found.processes()) for pid in family(process)}


def _running(project: Project) -> state_file.StackRecord:
    found = state_file.load(project)
    assert found is not None
    return found
