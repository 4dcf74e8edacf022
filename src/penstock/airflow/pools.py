"""The pools that a project's `airflow_settings.yaml` asks for, in the metadata database of this process."""

from __future__ import annotations

from penstock.environments.airflow_settings import local_settings
from penstock.project import Project


def make_pools(project: Project) -> None:
    """Make them, or give them the slots that the file says. A pool that the file no longer names is left as it is.

    Raises:
        UsageError: The file is wrong.
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
