"""Migrates Airflow's metadata database: `python -m penstock.airflow.migrate_db MARKER`."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from penstock.environments.airflow_settings import local_settings
from penstock.project import Project


def main() -> int:
    """Create or migrate the tables, then write the marker file."""
    gc.disable()  # imported objects stay alive
    from airflow.utils.db import initdb

    initdb()
    Path(sys.argv[1]).touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())


def make_pools(project: Project) -> None:
    """Create the pools, or update their slots. Pools that are no longer in the file stay as they are.

    Raises:
        UsageError: The file is invalid.
    """
    pools = local_settings(project.root).pools
    if not pools:
        return
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    with create_session() as session:
        for pool in pools:
            Pool.create_or_update_pool(
                pool.name, pool.slots, pool.description, pool.include_deferred, session=session
            )
