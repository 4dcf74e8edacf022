"""Task logs of runs without servers: all output of a task goes to its own log."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import traceback
from pathlib import Path
from typing import TextIO

from airflow.sdk.log import redact

RUNS_KEPT = 20  # of each DAG


class TaskLogs:
    """Redirects the output of this process and its children to the log of the running task.

    Between tasks, output goes to the log of all runs.

    Args:
        folder: Directory for the logs of all DAGs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._between = os.dup(1)
        self._run = folder

    def begin_run(self, dag_id: str, name: str) -> None:
        """Create the directory of a run and remove old runs."""
        dag = self._folder / _file_name(dag_id)
        dag.mkdir(exist_ok=True, mode=0o700)
        runs = sorted(dag.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in runs[:-RUNS_KEPT]:
            shutil.rmtree(old)
        self._run = dag / _file_name(name)
        shutil.rmtree(self._run, ignore_errors=True)
        self._run.mkdir(mode=0o700)

    def path(self, label: str) -> Path:
        """Return the path of a task's log."""
        return self._run / f"{_file_name(label)}.log"

    def begin(self, label: str) -> None:
        """Redirect output to the task's log."""
        log = os.open(self.path(label), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        _point_to(log)
        os.close(log)

    def end(self, label: str, error: BaseException | None) -> None:
        """Redirect output to the log of all runs. A task that failed before it started gets its log now."""
        _point_to(self._between)
        if error is not None and not self.path(label).exists():
            text = "".join(traceback.format_exception(error))
            self.path(label).touch(mode=0o600)
            self.path(label).write_text(str(redact(text)), encoding="utf-8")


class Masked(io.TextIOBase):
    """Standard output with masked secrets, as in task logs on a server."""

    def __init__(self, target: TextIO) -> None:
        self._target = target

    def write(self, text: str) -> int:
        """Write the text with its secrets masked."""
        self._target.write(str(redact(text)))
        return len(text)

    def flush(self) -> None:
        """Write buffered output."""
        self._target.flush()

    def fileno(self) -> int:
        """The file descriptor of the target."""
        return self._target.fileno()


def _point_to(log: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.+\[\]-]", "_", text)
