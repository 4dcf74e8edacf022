"""Checks a project under other versions: resolves, installs into a temporary environment, and parses there and here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from penstock.devtools.upgrade import airflow3
from penstock.devtools.upgrade.problem import Kind, Problem, Report, marked
from penstock.devtools.upgrade.requirements import (
    AIRFLOW,
    NoPython,
    Unsolvable,
    installed,
    own_source,
    pins,
    run,
    wanted,
)
from penstock.model.errors import PenstockError
from penstock.model.plurals import counted
from penstock.project import Project

ReportStep = Callable[[str], None]

BIG = 1024 * 1024  # bytes; larger files are linked instead of copied
LEFT_OUT = (".penstock", ".git", ".venv", "venv", "__pycache__", ".pytest_cache", "target", "logs")
MANIFEST = Path("dbt", "target", "manifest.json")  # in the state directory
NOWHERE = "postgres://nobody@localhost/nothing"  # placeholder: dbt does not connect
TIMEOUT_S = 300


def check(
    project: Project, airflow: str | None, python: str | None, report_step: ReportStep = lambda _: None
) -> Report:
    """Check the project under another version of Airflow or Python, or with the newest allowed packages.

    Args:
        airflow: Version of Airflow, such as `3.2` or `3.2.1`; None for the newest that the requirements allow.
        python: Version of Python, such as `3.12`, which must be installed; None for the running version.
        report_step: Called with each step before it begins.

    Raises:
        UsageError: The project has no requirements, or a version is invalid.
        NoIndex: No package index answers.
        PenstockError: uv or the requested Python is missing.
    """
    version = python or ".".join(map(str, sys.version_info[:2]))
    place = Path(tempfile.mkdtemp(prefix="penstock-upgrade-"))
    try:
        return _with_code(project, _check(project, airflow, version, place, report_step))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _with_code(project: Project, report: Report) -> Report:
    """Add what Airflow 3 changes in the project's code, which parsing does not show, to the report."""
    if _major(report.versions.get(AIRFLOW, "3")) < 3:
        return report
    found, notes = airflow3.problems(project.root)
    today = found if _major(installed().get(AIRFLOW, "0")) >= 3 else ()
    problems = tuple(sorted((*report.problems, *marked(found, today))))
    return replace(report, problems=problems, notes=tuple(notes))


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _check(
    project: Project, airflow: str | None, python: str, place: Path, report_step: ReportStep
) -> Report:
    requirements = wanted(project, airflow, place)
    interpreter = _interpreter(python)
    report_step("resolving the requirements")
    own = own_source(place)
    constraints = place / "constraints.txt"
    constraints.write_text(f"{own}\n" if own else "", encoding="utf-8")
    resolved = place / "resolved.txt"
    words = [
        "--python-version",
        python,
        "--constraint",
        constraints,
        "--output-file",
        resolved,
        *requirements,
    ]
    try:
        run("pip", "compile", "--quiet", *words)
    except Unsolvable as error:
        return Report(python, {}, {}, (Problem(Kind.resolution, "", error.message),), 0)
    versions = pins(resolved.read_text(encoding="utf-8"))
    now = installed()
    changed = {name: (now[name], one) for name, one in versions.items() if now.get(name, one) != one}
    report_step(f"installing {counted(len(versions), 'package')} into a temporary environment")
    run("venv", "--quiet", "--python", interpreter, place / "venv")
    other = place / "venv" / "bin" / "python"
    try:
        run("pip", "install", "--quiet", "--python", other, "--requirement", resolved)
    except Unsolvable as error:  # a package without a wheel that cannot be built
        return Report(python, versions, changed, (Problem(Kind.resolution, "", error.message),), 0)
    report_step("parsing the DAGs with both versions")
    with ThreadPoolExecutor(max_workers=2) as pool:
        there = pool.submit(_parsed, _copied(project, place / "there"), str(other))
        here = pool.submit(_parsed, _copied(project, place / "here", with_manifest=True), sys.executable)
        (problems, dags), (today, dags_today) = there.result(), here.result()
    gone = [Problem(Kind.parse, "", f"the DAG {name!r} is missing") for name in sorted(dags_today - dags)]
    reported = [*problems, *(gone if not any(one.kind is Kind.parse for one in problems) else ())]
    return Report(python, versions, changed, marked(reported, today), len(dags))


def _interpreter(version: str) -> str:
    """Return the interpreter of this version; the running one if it matches."""
    if version == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    try:
        found = run("python", "find", "--no-project", "--system", version).strip()
    except Unsolvable as error:
        raise NoPython(version) from error
    answer = subprocess.run([found, "-c", ""], capture_output=True, check=False)
    if answer.returncode:  # for example a shim for an inactive version
        raise NoPython(version)
    return found


def _copied(project: Project, copy: Path, *, with_manifest: bool = False) -> Project:
    """Copy the project's files, so that the check cannot change the project.

    Args:
        with_manifest: Also copy the dbt manifest of the installed versions, if there is one.
    """

    def copy_or_link(source: str, target: str) -> None:
        if Path(source).stat().st_size > BIG:
            Path(target).symlink_to(source)
        else:
            shutil.copy2(source, target)

    ignore = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(project.root, copy, ignore=ignore, copy_function=copy_or_link, symlinks=True)
    manifest = project.state_dir / MANIFEST
    if with_manifest and manifest.exists():
        (copy / ".penstock" / MANIFEST).parent.mkdir(parents=True, mode=0o700)
        shutil.copyfile(manifest, copy / ".penstock" / MANIFEST)
    return Project(copy)


def _parsed(project: Project, python: str) -> tuple[list[Problem], set[str]]:
    """Parse the project's DAGs in one environment; return the problems and the DAG ids."""
    reported: list[Problem] = []
    if (project.root / "dbt").is_dir():
        # Run through penstock: without penstock in its requirements, the project needs no manifest.
        said = _run(project, python, "-m", "penstock.airflow.dbt.manifest_main")
        if not (project.state_dir / MANIFEST).exists() and "No module named" not in said.stderr:
            last = (said.stderr.strip() or said.stdout.strip()).splitlines()
            reported.append(Problem(Kind.dbt, "dbt", last[-1] if last else "dbt cannot parse the project"))
    probe = files("penstock") / "airflow" / "upgrade_probe.py"
    done = _run(project, python, "-P", str(probe), str(project.root))
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        last = done.stderr.strip().splitlines()
        reported.append(Problem(Kind.parse, "", last[-1] if last else "the DAGs cannot be parsed"))
        return reported, set()
    found: dict[str, Any] = json.loads(lines[-1])
    reported += [Problem(Kind(kind), where, message) for kind, where, message in found["problems"]]
    return reported, set(found["dags"])


def _run(project: Project, python: str, *words: str) -> subprocess.CompletedProcess[str]:
    home = project.root.with_name(f"{project.root.name}-airflow")
    ours = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(project.root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project.root / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'nothing.db'}",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PENSTOCK_PROJECT": str(project.root),
        "PENSTOCK_CONN_WAREHOUSE": NOWHERE,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTHON"))}
    try:
        return subprocess.run(
            [python, *words],
            cwd=project.root,
            env=kept | ours,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PenstockError(
            f"parsing took more than {TIMEOUT_S} s", hint="find the slow file with penstock parse"
        ) from error
