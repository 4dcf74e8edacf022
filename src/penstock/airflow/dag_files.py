"""Finds a DAG and the file that defines it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.dag_processing.importers import get_importer_registry

from penstock.airflow.dag_checks import cause
from penstock.model.errors import PenstockError, UsageError

_MANY = 12  # names to list if none is similar


@dataclass(frozen=True, slots=True)
class Found:
    """A DAG and the file that defines it."""

    dag: Any
    file: Path


def find_dag(dag_id: str, root: Path) -> Found:
    """Find a DAG by its id below the project's `dags/`.

    Files that contain the id are imported first, because importing all others takes a second or more. The others are
    imported only if the id is computed.

    Raises:
        UsageError: The DAG does not exist; the hint names similar ones.
        PenstockError: The file that should define it cannot be imported.
    """
    folder = root / "dags"
    known: set[str] = set()
    errors: dict[Path, str] = {}
    for path in _likely_first(dag_id, folder):
        bag = DagBag(path)
        if dag_id in bag.dags:
            return Found(bag.dags[dag_id], path)
        if bag.import_errors:
            errors[path] = cause(next(iter(bag.import_errors.values())), path, root)
            if _mentions(dag_id, path):
                raise PenstockError(errors[path], hint="run penstock parse for all import errors")
        known |= set(bag.dags)
    raise _unknown(dag_id, root, known, errors)


def _likely_first(dag_id: str, folder: Path) -> list[Path]:
    files = read_files(folder)
    return sorted(files, key=lambda path: not _mentions(dag_id, path))


def read_files(folder: Path) -> list[Path]:
    """The files that Airflow reads there: not excluded by `.airflowignore`, and with the words airflow and dag."""
    return sorted(Path(path) for path in get_importer_registry().list_dag_files(folder))


def _mentions(dag_id: str, path: Path) -> bool:
    name = re.escape(dag_id)
    pattern = rf"""(["']){name}\1|\bdef {name}\("""
    return re.search(pattern, path.read_text(encoding="utf-8", errors="replace")) is not None


def _unknown(dag_id: str, root: Path, known: set[str], errors: dict[Path, str]) -> UsageError:
    folder = root / "dags"
    read = set(read_files(folder))
    skipped = [path for path in sorted(folder.rglob("*.py")) if path not in read and _mentions(dag_id, path)]
    near = get_close_matches(dag_id, known, n=3)
    hints = [
        f"{path.relative_to(root)} defines it, but Airflow skips that file: it does not contain both words, airflow "
        "and dag, or .airflowignore excludes it"
        for path in skipped
    ]
    if near:
        hints.append(f"did you mean {' or '.join(near)}?")
    elif not skipped:
        hints.append(
            f"known DAGs: {', '.join(sorted(known)[:_MANY])}" if known else "no file there defines a DAG"
        )
    hints += [f"cannot be imported: {error}" for error in errors.values()]
    return UsageError(f"unknown DAG {dag_id!r} in {folder}", hint="; ".join(hints))
