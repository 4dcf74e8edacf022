"""Import every DAG file and report problems: `python -m penstock.airflow.parse_main`.

Uses no server and no database. Prints JSON, one line per event: `file` before a file is imported; `dag`, `problem` and
`note` for its contents; and `finished`.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import IO

from penstock import lookup
from penstock.airflow.dbt.manifest import refresh
from penstock.airflow.json_events import carried_out, emit, event_stream
from penstock.airflow.offline import enter
from penstock.devtools.process_env import WAREHOUSE
from penstock.model.connection import Connection
from penstock.project import Project, find_project

# A placeholder for dbt's profile, so that no server is started: dbt does not connect when it parses.
_NOWHERE = Connection(name=WAREHOUSE, type="postgres", host="127.0.0.1")


def main() -> int:
    """Import the files of the caller's project."""
    gc.disable()  # the process lives for two seconds, and imported objects stay alive
    project = find_project()
    with event_stream(project.make_state_dir("logs") / "airflow-parse.log") as events:
        return carried_out(events, lambda: _parse(project, events))


def _parse(project: Project, events: IO[str]) -> int:
    enter(project)
    refresh(project, lambda: lookup.declared(WAREHOUSE, project) or _NOWHERE)
    # Variables that a file reads at import are looked up as in a task, but not in the metadata database.
    nowhere = project.state_dir / "airflow" / "nowhere" / "metadata.db"
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{nowhere}"
    from airflow.sdk.log import redact

    from penstock.airflow.dag_checks import duplicates, import_file, skipped
    from penstock.airflow.dag_files import read_files

    folder = project.root / "dags"
    files = read_files(folder)
    made: dict[str, list[Path]] = {}
    for path in files:
        emit(events, event="file", file=_shown(path, project))
        found = import_file(path, project.root)
        for dag_id in {dag.dag_id for dag in found.dags}:
            made.setdefault(dag_id, []).append(path)
        for dag in found.dags:
            emit(events, event="dag", dag=dag.dag_id, file=_shown(path, project), tasks=len(dag.tasks))
        for problem in found.problems:
            emit(events, event="problem", **redact(problem.fields()))
        for note in found.notes:
            emit(events, event="note", **redact(note.fields()))
    for problem in duplicates(made, project.root):
        emit(events, event="problem", **problem.fields())
    for is_wrong, problem in skipped(folder, files, project.root):
        emit(events, event="problem" if is_wrong else "note", **problem.fields())
    emit(events, event="finished", files=len(files))
    return 0


def _shown(path: Path, project: Project) -> str:
    return path.relative_to(project.root).as_posix()


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # skip the slow interpreter shutdown
