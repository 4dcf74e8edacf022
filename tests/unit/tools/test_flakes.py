"""`make flakes` counts what fails only sometimes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FLAKES = Path(__file__).parents[3] / "tools" / "flakes.py"

SOMETIMES = """
import os
from pathlib import Path

def test_always(): ...

def test_on_one_core():
    assert len(os.sched_getaffinity(0)) == 1

def test_the_first_time_only():
    count = Path(__file__).with_name("count")
    count.write_text(count.read_text() + "x" if count.exists() else "x")
    assert count.read_text() == "x"
"""


def flakes(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FLAKES), *arguments, "-c", "nothing.ini", "-p", "no:cacheprovider"],
        cwd=place,
        env={"TMPDIR": str(place), "PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )


def test_what_fails_sometimes_is_counted(tmp_path: Path) -> None:
    (tmp_path / "nothing.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(SOMETIMES)
    done = flakes(tmp_path, "--runs", "2", "--loads", "one-core,one-core", "test_it.py")
    first, second, *verdict = done.stdout.splitlines()
    assert first.startswith("run 1 of 2, one-core: 3 tests in "), done.stdout + done.stderr
    assert "1 failed, see " in second
    assert verdict == [
        "1 tests failed in 2 runs:",
        "   1  test_it.py::test_the_first_time_only  (1 one-core)",
    ]
    assert done.returncode == 1


def test_a_run_that_finds_no_tests_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "nothing.ini").write_text("[pytest]\n")
    done = flakes(tmp_path, "--runs", "1", "--loads", "busy", "test_it.py")
    assert (done.returncode, "(the run itself)" in done.stdout) == (1, True)


def test_a_load_that_is_unknown(tmp_path: Path) -> None:
    done = flakes(tmp_path, "--loads", "busy,lazy")
    assert done.returncode == 2
    assert "invalid load 'lazy'" in done.stderr
