"""Creates the pools of a project's `airflow_settings.yaml` in the metadata database of this process."""

from __future__ import annotations

from penstock.environments.airflow_settings import local_settings
from penstock.project import Project


def make_pools(project: Project) -> None:
    """Create the pools, or update their slots. Other pools are not changed.

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
