"""What Airflow 3 changes in a project's code: ruff's rules AIR3, and what they do not find. Runs no code of it."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from penstock.devtools.upgrade.problem import Kind, Problem

FOLDERS = ("dags", "plugins", "include")
TEMPLATES = (".sql", ".sh", ".hql")  # files that operators render
FIX = "ruff check --isolated --select AIR3 --fix --unsafe-fixes"
NO_RUFF = (
    "ruff is not installed, so its rules for Airflow 3 were not checked: pip install 'penstock[upgrade]'"
)

_GONE = frozenset(("AIR301", "AIR302"))  # ruff's other rules are about what still works
_ARGUMENTS = {
    "schedule_interval": "use schedule",
    "provide_context": "delete it, because the context is always passed",
}
_REMEDIES = {
    **_ARGUMENTS,
    "days_ago": "use a date, such as pendulum.datetime(2025, 1, 1)",
}  # where ruff has no fix
_OPERATOR = re.compile(r"airflow\.providers\.(postgres|mysql|sqlite|microsoft\.mssql)\.operators\.\w+")
_VARIABLES = (
    "execution_date|next_ds|next_ds_nodash|prev_ds|prev_ds_nodash|next_execution_date|prev_execution_date"
    "|prev_execution_date_success|tomorrow_ds|tomorrow_ds_nodash|yesterday_ds|yesterday_ds_nodash"
)
_REMOVED = re.compile(r"\{[{%](?:(?![}%]\}).)*?(?<![\w.'\"])(?P<name>" + _VARIABLES + r")\b", re.DOTALL)
_OF_INTERVAL = re.compile(
    r"\b(ds|ds_nodash|ts|ts_nodash|logical_date|data_interval_(start|end)|" + _VARIABLES + r")\b"
)
_CRON = re.compile(r"@(hourly|daily|weekly|monthly|quarterly|yearly)|\S+( \S+){4,5}")
_SETTING = "create_cron_data_intervals"


def problems(root: Path) -> tuple[list[Problem], list[str]]:
    """Check the files in `dags`, `plugins` and `include` against Airflow 3.

    Returns:
        What is removed, deprecated or has another meaning; and notes for the user.
    """
    found, notes = _by_ruff(root)
    known = {(one.where, name) for one in found for name in re.findall(r"`(\w+)`", one.message)}
    cron_is_interval = _keeps_intervals(root)
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*")):
        where = path.relative_to(root).as_posix()
        if path.suffix in TEMPLATES:
            found += _removed_variables(path.read_text(encoding="utf-8", errors="replace"), where, 1)
        elif path.suffix == ".py":
            found += [
                one
                for one in _in_python(path, where, cron_is_interval=cron_is_interval)
                if not any((one.where, name) in known for name in re.findall(r"`(\w+)`", one.message)[:1])
            ]
    return found, notes


def _by_ruff(root: Path) -> tuple[list[Problem], list[str]]:
    ruff = _ruff()
    folders = [folder for folder in FOLDERS if (root / folder).is_dir()]
    if not folders:
        return [], []
    if ruff is None:
        return [], [NO_RUFF]
    words = [
        "check",
        "--isolated",
        "--no-cache",
        "--select",
        "AIR3",
        "--exit-zero",
        "--output-format",
        "json",
    ]
    done = subprocess.run([ruff, *words, *folders], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        return [], [f"ruff cannot check Airflow 3's rules: {done.stderr.strip()[-200:]}"]
    found = []
    fixes = 0
    for one in json.loads(done.stdout):
        if not str(one["code"]).startswith("AIR"):
            continue  # a syntax error, which the DagBag reports
        fix = one["fix"]
        fixes += fix is not None
        where = f"{Path(one['filename']).resolve().relative_to(root.resolve()).as_posix()}:{one['location']['row']}"
        kind = Kind.removed if one["code"] in _GONE else Kind.deprecation
        message = f"{one['message'].rstrip('.;')} ({one['code']})"
        ours = [text for name, text in _REMEDIES.items() if f"{name}`" in message]
        remedy = fix["message"].rstrip(".") if fix is not None and fix["message"] else "".join(ours[:1])
        found.append(Problem(kind, where, f"{message}: {remedy}" if remedy else message))
    return found, [f"`{FIX} {' '.join(folders)}` fixes {fixes} of these"] if fixes else []


def _ruff() -> str | None:
    beside = Path(sysconfig.get_path("scripts"), "ruff")  # of this environment, which may not be on the path
    return str(beside) if beside.is_file() else shutil.which("ruff")


def _keeps_intervals(root: Path) -> bool:
    """Whether the project sets that a cron expression makes data intervals, as in Airflow 2."""
    if f"AIRFLOW__SCHEDULER__{_SETTING.upper()}" in os.environ:
        return True
    files = (root / name for name in (".env", "airflow.cfg", "Dockerfile", "penstock.toml"))
    texts = (path.read_text(encoding="utf-8", errors="replace").lower() for path in files if path.is_file())
    return any(re.search(rf"(?m)^[^#\n]*{_SETTING}\W+(true|1)\b", text) for text in texts)


def _in_python(path: Path, where: str, *, cron_is_interval: bool) -> Iterator[Problem]:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return  # reported by the DagBag, if it is a DAG file
    uses_dates = _OF_INTERVAL.search(text) is not None
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        at = f"{where}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ImportFrom) and _OPERATOR.fullmatch(node.module or ""):
            names = ", ".join(f"`{one.name}`" for one in node.names)
            yield Problem(
                Kind.removed,
                at,
                f"{names} is removed: use SQLExecuteQueryOperator of airflow.providers.common.sql.operators.sql",
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from _removed_variables(node.value, where, node.lineno)
        elif isinstance(node, ast.Dict):
            yield from _removed_keys(node, where)
        elif isinstance(node, ast.Call) and _called(node) in ("DAG", "dag"):
            yield from _schedule(node, at, uses_dates=uses_dates, cron_is_interval=cron_is_interval)


def _removed_variables(text: str, where: str, line: int) -> Iterator[Problem]:
    for found in _REMOVED.finditer(text):
        row = line + text.count("\n", 0, found.start("name"))
        yield Problem(
            Kind.removed,
            f"{where}:{row}",
            f"`{found['name']}` is not defined in templates of Airflow 3: use ds, logical_date or data_interval_start",
        )


def _removed_keys(node: ast.Dict, where: str) -> Iterator[Problem]:
    """Arguments in a dictionary, such as `default_args`; only if it also holds other arguments of DAGs or tasks."""
    keys = {key.value: key.lineno for key in node.keys if isinstance(key, ast.Constant)}
    if keys.keys() & {"owner", "retries", "retry_delay", "start_date", "depends_on_past", "email_on_failure"}:
        for name in _ARGUMENTS.keys() & keys.keys():
            yield Problem(
                Kind.removed,
                f"{where}:{keys[name]}",
                f"`{name}` is removed in Airflow 3.0: {_ARGUMENTS[name]}",
            )


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _schedule(node: ast.Call, at: str, *, uses_dates: bool, cron_is_interval: bool) -> Iterator[Problem]:
    """The meaning of dates depends on the schedule; nothing fails."""
    given = {one.arg: one.value for one in node.keywords}
    schedule = given.get("schedule", given.get("schedule_interval"))
    if not uses_dates:
        return
    if isinstance(schedule, ast.List | ast.Tuple):
        yield Problem(
            Kind.changed,
            at,
            "runs that assets trigger have no logical date, so `ds` is not defined: use dag_run.run_after",
        )
    elif not cron_is_interval and (cron := _cron(schedule)) is not None:
        yield Problem(
            Kind.changed,
            at,
            f"`ds` of a run of {cron!r} is the day on which it runs; in Airflow 2 it was the day on which its data "
            f"interval began: to keep that, use CronDataIntervalTimetable({cron!r}, timezone='UTC')",
        )


def _cron(schedule: ast.expr | None) -> str | None:
    if isinstance(schedule, ast.Constant) and isinstance(schedule.value, str):
        return schedule.value if _CRON.fullmatch(schedule.value) else None
    return None
