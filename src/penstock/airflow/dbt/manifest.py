"""The manifest of the dbt project. DAG files read it instead of running dbt; it is rebuilt when the project changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from penstock.devtools.process_env import dbt_settings
from penstock.model.connection import Connection
from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack.lock import locked

_READ_BY_DBT = (".sql", ".yml", ".yaml", ".md", ".csv", ".py")


def current_manifest(project_dir: Path, target_dir: Path) -> Path:
    """Return the path of the manifest; run `dbt parse` first if a file of the project is newer.

    Raises:
        PenstockError: dbt cannot parse the project.
    """
    if not is_current(project_dir, target_dir):
        _parse(project_dir, target_dir)
    return target_dir / "manifest.json"


def refresh(project: Project, find_warehouse: Callable[[], Connection | None]) -> None:
    """Update the manifest for DAG files, if the project has models and dbt is installed.

    Args:
        find_warehouse: Returns the connection for `profiles.yml`; called only if dbt parses. dbt does not connect.

    Raises:
        PenstockError: dbt cannot parse the project.
    """
    folder, target = project.root / "dbt", project.make_state_dir("dbt") / "target"
    if not folder.is_dir() or find_spec("dbt") is None or is_current(folder, target):
        return
    with locked(project, "dbt", "manifest.lock"):  # concurrent writers would mix their output
        if is_current(folder, target):
            return
        warehouse = find_warehouse()
        if warehouse is not None and warehouse.type == "postgres":
            os.environ |= dbt_settings(warehouse)
        current_manifest(folder, target)


def is_current(project_dir: Path, target_dir: Path) -> bool:
    """Whether the manifest exists and is newer than all files of the project."""
    manifest = target_dir / "manifest.json"
    return manifest.exists() and manifest.stat().st_mtime >= _changed(project_dir)


def _changed(project_dir: Path) -> float:
    """The time of the last change to a file or, for removed files, to its directory."""
    paths = [project_dir, *project_dir.rglob("*")]
    return max(path.stat().st_mtime for path in paths if path.is_dir() or path.suffix in _READ_BY_DBT)


def _parse(project_dir: Path, target_dir: Path) -> None:
    from dbt.cli.main import dbtRunner

    words = ["--quiet", "parse", "--project-dir", str(project_dir), "--profiles-dir", str(project_dir)]
    result = dbtRunner().invoke([*words, "--target-path", str(target_dir), "--no-partial-parse"])
    if not result.success:
        raise PenstockError(f"dbt cannot parse {project_dir}: {result.exception}", hint="see dbt's log")
