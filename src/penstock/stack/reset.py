"""Removes what the stack keeps, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack import airflow_credentials, lifecycle, on_demand, rclone, state_file
from penstock.stack.airflow_offline import RUN_LOCK
from penstock.stack.lock import locked
from penstock.stack.postgres import server

# Not the keys of the environments, without which their secrets are lost.
FOLDERS = (
    server.STATE,
    on_demand.STATE,
    rclone.FOLDER,
    airflow_credentials.STATE,
    state_file.STATE,
    "logs",
    "dbt",
)


def reset(project: Project) -> int:
    """Stop the stack and remove its state; the bytes that were freed.

    Raises:
        PenstockError: A DAG runs here, or something would not stop; nothing was removed then.
    """
    with locked(project, *RUN_LOCK, busy=_refuse), locked(project, *lifecycle.START_LOCK):
        lifecycle.stop(project)
        homes = [
            found.home for name in lifecycle.EMBEDDED if (found := server.recall(project, name)) is not None
        ]
        folders = [*homes, *(project.state_dir / name for name in FOLDERS)]
        freed = sum(_bytes(folder) for folder in folders if folder.is_dir())
        for folder in folders:
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
            else:
                folder.unlink(missing_ok=True)  # a file in its place
    return freed


def _refuse(holder: str) -> None:
    raise PenstockError(
        f"{holder} runs a DAG here, and its data and its log would go",
        hint="wait for its end, or end it (Ctrl-C), then: penstock reset",
    )


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
