"""Airflow in one process, without servers: its settings, made before it is imported, because it reads them once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from penstock.project import Project
from penstock.stack.airflow_offline import airflow_alone


def enter(project: Project, database: Path | None = None) -> None:
    """Make this process one in which Airflow, once imported, works on the project and needs no server.

    Args:
        database: Its metadata database; by default that of `penstock run`.

    Raises:
        UsageError: `penstock.toml` asks for what cannot be.
    """
    os.environ |= airflow_alone(project, database)
    if str(project.root) not in sys.path:
        sys.path.insert(0, str(project.root))  # `from include.…`, as on the stack
