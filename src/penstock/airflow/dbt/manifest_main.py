"""Updates the project's dbt manifest for DAG files: `python -m penstock.airflow.dbt.manifest_main`."""

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
    """Write the manifest, unless it is up to date.

    If dbt cannot parse the project, the last line of output has the error, and the exit code is 0 all the same:
    everything else works without the manifest, and a DAG that needs it reports the error itself.
    """
    gc.disable()  # the process lives for three seconds
    project = find_project()
    try:
        connection = lookup.find(WAREHOUSE, project)
        if connection is not None and connection.type == "postgres":
            os.environ |= dbt_settings(connection)  # for profiles.yml; dbt does not connect
        current_manifest(project.root / "dbt", project.make_state_dir("dbt") / "target")
    except PenstockError as error:
        print(error.message, file=sys.stderr)  # noqa: T201  # into its log
    return 0


if __name__ == "__main__":
    sys.exit(main())
