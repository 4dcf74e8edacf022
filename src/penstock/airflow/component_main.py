"""Run one of Airflow's long-running processes: `python -m penstock.airflow.component_main scheduler`.

The arguments are those of the `airflow` command.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

from penstock.model.errors import PenstockError
from penstock.project import find_project

# Airflow's imported objects stay alive. With Python's default threshold of 700 objects, garbage collection takes 15 %
# of the four processes' start-up: 13.1 s of processor time instead of 11.1 s.
OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> None:
    """Run the process until it is terminated."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 50)
    if "scheduler" in sys.argv:
        _keep_what_tasks_log_to_their_logs()
        _make_pools()
        _fail_empty_runs()
    if "dag-processor" in sys.argv:
        _mask_import_errors()
    from airflow.__main__ import main as airflow

    airflow()


def _keep_what_tasks_log_to_their_logs() -> None:
    """Keep task output out of the scheduler's log, which does not mask secrets; the tasks' own logs do."""
    from airflow.executors.base_executor import BaseExecutor

    run = BaseExecutor.run_workload

    def run_quietly(*words: Any, **more: Any) -> Any:
        return run(*words, **more | {"subprocess_logs_to_stdout": False})

    BaseExecutor.run_workload = staticmethod(run_quietly)


def _mask_import_errors() -> None:
    """Mask secrets in the import errors that Airflow shows in its pages, as it does in logs."""
    from airflow.dag_processing import processor
    from airflow.sdk.log import redact

    parse = processor._parse_file  # noqa: SLF001  # called in each child process

    def parse_masked(*words: Any, **more: Any) -> Any:
        found = parse(*words, **more)
        if found is not None and found.import_errors:
            found.import_errors = redact(found.import_errors)
        return found

    processor._parse_file = parse_masked  # noqa: SLF001


def _make_pools() -> None:
    """Create the project's pools before tasks need them. The scheduler starts even if this fails."""
    from penstock.airflow.pools import make_pools

    try:
        make_pools(find_project())
    except PenstockError as error:
        print(f"cannot create the pools: {error.message}", file=sys.stderr)  # noqa: T201  # into its log


def _fail_empty_runs() -> None:
    from penstock.airflow.listener import listen

    listen()


if __name__ == "__main__":
    main()
