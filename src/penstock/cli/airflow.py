"""`penstock airflow`: Airflow's command line, on the running stack."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import typer

from penstock.cli.env_file import VARIABLE, using
from penstock.cli.exec_program import WORDS_OF_ANOTHER, become, require
from penstock.model.errors import ConnectionFailed
from penstock.project import Project, find_project

app = typer.Typer()

# These need no database, and therefore no stack.
_NEED_NO_STACK = frozenset(
    {"version", "info", "config", "providers", "plugins", "cheat-sheet", "-h", "--help"}
)
# These would conflict with a running scheduler: they use the metadata database of `penstock run`.
_FIGHT = (["dags", "test"], ["tasks", "test"])


@app.command(context_settings=WORDS_OF_ANOTHER)
def airflow(context: typer.Context) -> None:
    """Run Airflow's command line on the running stack. All arguments are passed to Airflow.

    Example: penstock airflow dags list
    """
    require("airflow", "airflow,stack")
    project = find_project()
    words = context.args
    with using(os.environ.get(VARIABLE) or _environment_of_stack(project)):
        become("airflow", "airflow", words, _variables(project, words))


def _variables(project: Project, words: Sequence[str]) -> dict[str, str]:
    from penstock.stack.airflow_env import airflow_alone, airflow_environment
    from penstock.stack.port_config import read_options
    from penstock.stack.state_file import recall

    found = recall(project)
    runs = found is not None and found.is_supervised
    if list(words[:2]) in _FIGHT or (not runs and (not words or words[0] in _NEED_NO_STACK)):
        return airflow_alone(project)
    if found is None or not runs:
        raise ConnectionFailed(
            "the stack is not running, and neither is Airflow's database",
            hint="penstock start; penstock run and penstock parse need no stack",
        )
    options = read_options(project)
    port = urlsplit(found.address("api-server") or "").port
    return airflow_environment(project, replace(options, port=port or options.port))


def _environment_of_stack(project: Project) -> str | None:
    from penstock.stack.state_file import recall

    found = recall(project)
    return found.environment if found is not None and found.is_supervised else None
