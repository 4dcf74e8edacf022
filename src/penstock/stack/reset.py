"""Removes the stack's data, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack import airflow_credentials, lifecycle, on_demand, rclone, state_file
from penstock.stack.airflow_offline import RUN_LOCK
from penstock.stack.lock import locked
from penstock.stack.postgres import server

# The keys of the environments stay, because their secrets would be lost.
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
    """Stop the stack and remove its state; return the number of freed bytes.

    Raises:
        PenstockError: A DAG is running, or a process did not stop. Nothing was removed.
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
                folder.unlink(missing_ok=True)  # in case it is a file
    return freed


def _refuse(holder: str) -> None:
    raise PenstockError(
        f"{holder} is running a DAG, whose data and log would be removed",
        hint="wait until it ends or stop it (Ctrl-C), then run penstock reset",
    )


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
