"""Configures Airflow for a single process without servers. Call it before importing Airflow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from penstock.project import Project
from penstock.stack.airflow_env import airflow_alone


def enter(project: Project, database: Path | None = None) -> None:
    """Configure Airflow in this process for the project, without servers. Airflow must not be imported yet.

    Args:
        database: Path of the metadata database; by default that of `penstock run`.

    Raises:
        UsageError: `penstock.toml` is invalid.
    """
    os.environ |= airflow_alone(project, database)
    if str(project.root) not in sys.path:
        sys.path.insert(0, str(project.root))  # for `from include.…`, as in the stack
