"""Run one DAG here and now, without a scheduler: `python -m penstock.airflow.run sales_warehouse`.

The DAG is the real one, run by Airflow's own `dag.test()` on a metadata database that belongs to such runs: on one that
a live scheduler watches, it would fight with that scheduler. What happens is told as JSON, a line for each event;
everything else that Airflow and dbt have to say goes to the project's logs.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import gc
import json
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from penstock.airflow.manifest import current_manifest
from penstock.model.errors import PenstockError
from penstock.project import Project, find_project
from penstock.shell import WAREHOUSE, dbt_settings
from penstock.wiring import find

_PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>
LOG_LIMIT = 10 * 1024 * 1024


def main() -> int:
    """Run the DAG that the command line names; 0 if all of its tasks succeeded, else 1."""
    parser = argparse.ArgumentParser(prog="penstock.airflow.run", description=__doc__)
    parser.add_argument("dag_id")
    parser.add_argument("--conf", default="{}", help="parameters of the run, as JSON")
    parser.add_argument(
        "--with-parent", action="store_true", help="end when the process that started this one ends"
    )
    words = parser.parse_args()
    if words.with_parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Airflow and dbt are imported into objects that never go: looking for garbage among them cost 4 s of 15.
    gc.disable()
    project = find_project()
    with _telling(project.make_state_dir("logs") / "airflow-run.log") as events, _alone(project):
        try:
            return 0 if _run(project, words.dag_id, json.loads(words.conf), events) else 1
        except PenstockError as error:
            tell(events, event="error", message=error.message, hint=error.hint)
            return 1


def tell(events: IO[str], **fields: Any) -> None:
    """Write one event."""
    print(json.dumps(fields, default=str), file=events, flush=True)


def _run(project: Project, dag_id: str, conf: dict[str, Any], events: IO[str]) -> bool:
    file = _dag_file(dag_id, project.root / "dags")
    os.environ |= _settings(project, file.parent) | dbt_settings(find(WAREHOUSE))
    if (project.root / "dbt").is_dir():
        current_manifest(project.root / "dbt", project.make_state_dir("dbt") / "target")
    # Airflow reads its settings once, when it is imported.
    from penstock.airflow import dag_test

    dag_test.prepare_database(project.state_dir / "airflow" / "run")
    return dag_test.run(dag_id, file, conf, lambda **fields: tell(events, **fields))


def _dag_file(dag_id: str, folder: Path) -> Path:
    """The file that has the DAG's name in it; to import all the others would cost a second and more."""
    for path in sorted(folder.rglob("*.py")):
        if f'"{dag_id}"' in path.read_text(encoding="utf-8"):
            return path
    raise PenstockError(f"no DAG {dag_id!r} below {folder}", hint="its name must stand in the file as it is")


def _settings(project: Project, folder: Path) -> dict[str, str]:
    home = project.make_state_dir("airflow", "run")
    airflow = {
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_FOLDER": str(folder),
        "CORE__UNIT_TEST_MODE": "False",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'metadata.db'}",
        "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "SECRETS__BACKEND": "penstock.airflow.secrets.PenstockSecretsBackend",
        "LOGGING__BASE_LOG_FOLDER": str(project.make_state_dir("logs", "airflow")),
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
        "COSMOS__ENABLE_TELEMETRY": "False",
        # Cosmos would store all that the producer told so far in a variable, with each value it tells, for a retry
        # that a run without a scheduler never makes.
        "COSMOS__ENABLE_WATCHER_RELIABLE_RETRY": "False",
        "COSMOS__CACHE_DIR": str(project.make_state_dir("dbt") / "cosmos"),
    }
    return {
        "AIRFLOW_HOME": str(home),
        **{f"AIRFLOW__{name}": value for name, value in airflow.items()},
        "PENSTOCK_PROJECT": str(project.root),
        "DBT_LOG_PATH": str(project.make_state_dir("logs")),
        "DBT_LOG_LEVEL_FILE": "info",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
    }


@contextmanager
def _telling(log: Path) -> Iterator[IO[str]]:
    """The way to standard output, while what others print, children included, goes to the log."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as events, log.open("a", encoding="utf-8") as sink:
        log.chmod(0o600)
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        yield events


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """One run at a time: they share a metadata database."""
    with (project.make_state_dir("airflow") / "run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Without taking apart, object by object, all that Airflow and dbt imported: that took 1.4 s of 18.
    os._exit(code)
