"""The list of the stack's parts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from penstock.project import Project
from penstock.stack.airflow_env import DATABASE, METADATA
from penstock.stack.airflow_services import DBT, MIGRATION, airflow_parts
from penstock.stack.component import Runner
from penstock.stack.forkserver import Nurseries
from penstock.stack.port_config import free_port, read_options
from penstock.stack.postgres.runner import Embedded

# Also the display order.
PARTS = (
    METADATA,
    "source",
    "warehouse",
    MIGRATION,
    DBT,
    "api-server",
    "scheduler",
    "dag-processor",
    "triggerer",
)
LASTING = tuple(name for name in PARTS if name not in (MIGRATION, DBT))  # long-running parts


def assemble(project: Project, pool: ThreadPoolExecutor, nurseries: Nurseries) -> list[Runner]:
    """Return the runners of all parts; does not start them.

    Raises:
        UsageError: `penstock.toml` is invalid.
    """
    options = read_options(project)
    if options.port == 0:
        options = replace(options, port=free_port(0, 0))
    return [
        Embedded(project, METADATA, pool, database=DATABASE),
        *(Embedded(project, name, pool) for name in ("source", "warehouse")),
        *airflow_parts(project, options, pool, nurseries),
    ]
