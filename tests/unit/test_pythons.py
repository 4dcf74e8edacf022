"""The Pythons that are supported: named alike everywhere, each with an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from penstock.devtools.doctor.machine import PYTHONS

ROOT = Path(__file__).parents[2]
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
REPORT = """
<testsuites><testsuite name="pytest">
  <testcase classname="tests.unit.test_a" name="test_good" />
  <testcase classname="tests.unit.test_a" name="test_bad"><failure>no</failure></testcase>
  <testcase classname="tests.unit.test_a" name="test_bad"><error>nor its teardown</error></testcase>
  <testcase classname="tests.unit.test_a" name="test_left_out"><skipped>why</skipped></testcase>
</testsuite></testsuites>
"""


def test_they_are_named_alike_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (low_major, low), (high_major, high) = PYTHONS
    assert (low_major, high_major) == (3, 3)
    versions = [f"3.{minor}" for minor in range(low, high + 1)]
    prefix = "Programming Language :: Python :: "
    assert [one.removeprefix(prefix) for one in project["classifiers"] if one.startswith(prefix)] == versions
    assert project["requires-python"] == f">=3.{low},<3.{high + 1}"
    assert f"SUPPORTED = {PYTHONS!r}" in (ROOT / "tools" / "install.py").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert f"{PYTHONS[0]} <= sys.version_info[:2] <= {PYTHONS[1]}" in makefile
    assert (
        sorted(re.findall(r"python(3\.\d+)", makefile.partition("PYTHON := ")[2].partition("shell")[0]))
        == versions
    )


@pytest.mark.parametrize(
    ("words", "environment"),
    [([], ".venv"), ([f"PYTHON={sys.executable}"], f".venv-{HERE}")],
    ids=["the first that suits", "one that is named"],
)
def test_each_has_an_environment_of_its_own(words: list[str], environment: str) -> None:
    printed = make("--dry-run", "--always-make", "install", *words)
    assert printed.stdout.splitlines()[-1].endswith(f"tools/install.py {environment}")


def test_one_that_does_not_run() -> None:
    done = make("install", "PYTHON=python3.99")
    assert done.returncode == 2
    assert "python3.99 does not run" in done.stderr


def make(*words: str) -> subprocess.CompletedProcess[str]:
    ours = ("PYTHON", "MAKEFLAGS", "MAKELEVEL")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_the_table_of_all(tmp_path: Path) -> None:
    """Three cases: one has a failure, one has no working `make`, one is missing."""
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    program(tmp_path / "python3.11", "echo 3.11.9 /opt/python3.11")
    program(tmp_path / "python3.12", "echo 3.12.4 /opt/python3.12")
    program(tmp_path / "python3.13", "exit 1  # a shim that refuses")
    program(tmp_path / "make", 'case "$3" in *3.11*) cp "$REPORT" "${4##*--junitxml=}" ;; esac; exit 2')
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "pythons.py", "-k", "good"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYENV_ROOT": str(tmp_path), "REPORT": str(report)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    table = lines[lines.index(next(line for line in lines if line.startswith("Python"))) :]
    assert [line.split() for line in table] == [
        ["Python", "passed", "failed", "skipped", "time"],
        ["3.11.9", "1", "1", "1", "0.0", "min"],
        ["3.12.4", *"----", *["stopped", "before", "the", "tests:", "make", "test", "ended", "with", "2"]],
        ["3.13", *"----", *["no", "such", "Python"]],
        ["3.11.9", "failed:", "tests.unit.test_a::test_bad"],
    ]


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)
