"""Makes the project's dbt manifest current, for DAG files to read: `python -m penstock.airflow.dbt.manifest_main`."""

from __future__ import annotations

import gc
import os
import sys

from penstock import lookup
from penstock.airflow.dbt.manifest import current_manifest
from penstock.devtools.process_env import WAREHOUSE, dbt_settings
from penstock.model.errors import PenstockError
from penstock.project import find_project


def main() -> int:
    """Write the manifest, unless it is current.

    A project that dbt cannot parse is told on the last line and is no failure: everything else runs without it, and the
    DAG that lacks its manifest says so itself.
    """
    gc.disable()  # a process of three seconds
    project = find_project()
    try:
        connection = lookup.find(WAREHOUSE, project)
        if connection is not None and connection.type == "postgres":
            os.environ |= dbt_settings(connection)  # what profiles.yml asks for; nothing is connected to
        current_manifest(project.root / "dbt", project.make_state_dir("dbt") / "target")
    except PenstockError as error:
        print(error.message, file=sys.stderr)  # noqa: T201  # into its log
    return 0


if __name__ == "__main__":
    sys.exit(main())
