"""`penstock dbt`: dbt's command line, on the project's models and its warehouse."""

from __future__ import annotations

import os

import typer

from penstock.cli.exec_program import WORDS_OF_ANOTHER, become, require
from penstock.model.errors import ConnectionFailed, UsageError
from penstock.project import Project, find_project

app = typer.Typer()


@app.command(context_settings=WORDS_OF_ANOTHER)
def dbt(context: typer.Context) -> None:
    """Run dbt on the project's `dbt/` and the connection `warehouse`. All arguments are passed to dbt.

    Example: penstock dbt build --select stg_sales
    """
    require("dbt", "dbt")
    become("dbt", "dbt.cli.main", context.args, _variables(find_project()))


def _variables(project: Project) -> dict[str, str]:
    from penstock import lookup
    from penstock.devtools.process_env import WAREHOUSE, dbt_settings

    folder = project.root / "dbt"
    if not folder.is_dir():
        raise UsageError(f"the project has no {folder}", hint="put the dbt project there")
    warehouse = lookup.find(WAREHOUSE, project)
    if warehouse is None or warehouse.type != "postgres":
        raise ConnectionFailed(
            f"dbt needs the postgres connection {WAREHOUSE!r}", hint=f"penstock connection add {WAREHOUSE}"
        )
    profiles = {"DBT_PROFILES_DIR": str(folder)} if (folder / "profiles.yml").is_file() else {}
    return {
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DBT_LOG_LEVEL_FILE": "info",
        "DBT_TARGET_PATH": str(project.make_state_dir("dbt") / "target"),
        "DBT_LOG_PATH": str(project.make_state_dir("logs")),
        "DBT_PROJECT_DIR": str(folder),
        **profiles,
        **os.environ,
        **dbt_settings(warehouse),
    }
