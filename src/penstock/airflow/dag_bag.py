"""The DAGs of a project, loaded with Airflow's own DagBag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock.airflow import offline
from penstock.project import Project


def load(project: Project) -> tuple[dict[str, Any], dict[str, str]]:
    """Import every file below `dags`; return the DAGs by id, and the import errors by path relative to the project.

    Afterwards Airflow in this process is configured for this project.

    Raises:
        UsageError: `penstock.toml` is invalid.
    """
    offline.enter(project)
    # Airflow reads its settings only once, at import.
    from airflow.dag_processing.dagbag import DagBag

    folder = project.root / "dags"
    bag = DagBag(folder)
    errors = {_shown(Path(path), project.root): text for path, text in bag.import_errors.items()}
    return dict(bag.dags), errors


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
