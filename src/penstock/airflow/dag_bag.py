"""The DAGs of a project, as Airflow's own bag holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock.airflow import offline
from penstock.project import Project


def load(project: Project) -> tuple[dict[str, Any], dict[str, str]]:
    """Import every file below `dags`: the DAGs by their ids, and the errors by the files' paths in the project.

    From then on, this process is one in which Airflow works on this project.

    Raises:
        UsageError: `penstock.toml` asks for what cannot be.
    """
    offline.enter(project)
    # Airflow reads its settings once, when it is imported.
    from airflow.dag_processing.dagbag import DagBag

    folder = project.root / "dags"
    bag = DagBag(folder)
    errors = {_shown(Path(path), project.root): text for path, text in bag.import_errors.items()}
    return dict(bag.dags), errors


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
