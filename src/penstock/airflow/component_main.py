"""A long-running process of Airflow: `python -m penstock.airflow.component_main scheduler`, arguments as Airflow's."""

from __future__ import annotations

import gc
import sys
from typing import Any

from penstock.model.errors import PenstockError
from penstock.project import find_project

# What Airflow imports never goes. Looking for garbage among it every 700 objects, Python's default, takes 15 % of what
# the four processes need to come up: 13.1 s of processor time, with this 11.1 s.
OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> None:
    """Run the process until it is ended."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 50)
    if "scheduler" in sys.argv:
        _keep_what_tasks_log_to_their_logs()
        _make_pools()
        _fail_empty_runs()
    from airflow.__main__ import main as airflow

    airflow()


def _keep_what_tasks_log_to_their_logs() -> None:
    """Keep the scheduler from repeating what tasks log: its own log masks no secrets, theirs do."""
    from airflow.executors.base_executor import BaseExecutor

    run = BaseExecutor.run_workload

    def run_quietly(*words: Any, **more: Any) -> Any:
        return run(*words, **more | {"subprocess_logs_to_stdout": False})

    BaseExecutor.run_workload = staticmethod(run_quietly)


def _make_pools() -> None:
    """Make the project's pools before any task asks for one; the scheduler does not depend on it."""
    from penstock.airflow.pools import make_pools

    try:
        make_pools(find_project())
    except PenstockError as error:
        print(f"the pools were not made: {error.message}", file=sys.stderr)  # noqa: T201  # into its log


def _fail_empty_runs() -> None:
    from penstock.airflow.empty_runs import listen

    listen()


if __name__ == "__main__":
    main()
