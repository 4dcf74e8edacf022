"""What the stack costs: `python -m benchmarks.stack` starts it empty and warm, looks at it idle, and stops it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from penstock.project import Project
from penstock.stack import processes, record
from penstock.stack.processes import cpu_s, memory, memory_of

PENSTOCK_TOML = """
[stack.ports]
airflow = 0
metadata = 0
source = 0
warehouse = 0
"""
GALLERY = Path(__file__).parent.parent / "pipelines"
BOUNDS = {"cold s": 15.0, "warm s": 8.0, "stop s": 5.0, "memory MB": 1200.0, "idle % of a core": 25.0}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stack", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often it is started, empty and warm")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds to look at it idle")
    words = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in BOUNDS}
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    root = Path(tempfile.mkdtemp(prefix="penstock-bench-"))
    root.chmod(0o755)  # the account that runs Postgres must get through
    project = Project(root / "project")
    shutil.copytree(GALLERY, project.root, ignore=shutil.ignore_patterns(".penstock"))
    (project.root / "penstock.toml").write_text(PENSTOCK_TOML)
    try:
        for left in reversed(range(words.rounds)):
            penstock(project, "reset", "--yes")
            found["cold s"].append(penstock(project, "start"))
            found["stop s"].append(penstock(project, "stop"))
            found["warm s"].append(penstock(project, "start"))
            if not left:
                found["idle % of a core"].append(idle(project, words.idle))
                found["memory MB"].append(held(project))
            found["stop s"].append(penstock(project, "stop"))
    finally:
        penstock(project, "stop")
        shutil.rmtree(root)
    for name, values in found.items():
        each = ", ".join(f"{value:.1f}" for value in values)
        print(f"{name:<18}{median(values):>8.1f}   bound {BOUNDS[name]:.0f}   ({each})")
    print(f"load {os.getloadavg()[0]:.1f}")


def penstock(project: Project, *words: str) -> float:
    """Run a command and say how long it took."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "penstock", *words],
        env=os.environ | {"PENSTOCK_PROJECT": str(project.root)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def idle(project: Project, seconds: float) -> float:
    """Percent of one core that everything together uses, once it has come to rest."""
    time.sleep(15)
    before = used(project)
    time.sleep(seconds)
    return (used(project) - before) / seconds * 100


def used(project: Project) -> float:
    found = running(project)
    return sum(cpu_s(process) for process in found.processes()) + processes.cpu_of(found.supervisor.pid)


def held(project: Project) -> float:
    found = running(project)
    return (sum(memory(process) for process in found.processes()) + memory_of(found.supervisor.pid)) / 1e6


def running(project: Project) -> record.StackRecord:
    found = record.load(project)
    assert found is not None
    return found


if __name__ == "__main__":
    main()
