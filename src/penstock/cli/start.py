"""`penstock start`: starts the stack."""

from __future__ import annotations

import time

import typer

from penstock.cli.env_file import using
from penstock.cli.terminal.streams import echo
from penstock.project import find_project

app = typer.Typer()


@app.command()
def start() -> None:
    """Start Airflow and three Postgres servers, and supervise them. Does nothing if they are running.

    Example: penstock start
    """
    from penstock.cli.start_progress import Board
    from penstock.environments import choose, load
    from penstock.environments.airflow_settings import local_settings
    from penstock.stack import airflow_credentials, lifecycle

    project = find_project()
    began = time.monotonic()
    environment = choose(project.root)
    load(project.root, environment)  # report an invalid environment now, not in the first task
    local_settings(project.root, environment)
    with using(environment):
        beginning = lifecycle.begin(project)
    if beginning.recovered:
        echo(f"the previous stack crashed; stopped its leftover processes: {', '.join(beginning.recovered)}")
    if beginning.already:
        echo("the stack is already running")
    try:
        with Board() as board:
            found = lifecycle.follow(project, board.show)
    except BaseException:
        if not beginning.already:  # a partial stack is useless, and would occupy the ports
            lifecycle.stop(project)
        raise
    if not beginning.already:
        echo(f"up in {time.monotonic() - began:.1f} s")
    address = (found.address("api-server") or "").replace("127.0.0.1", "localhost")
    if environment:
        echo(f"environment: {environment}")
    echo(f"Airflow:   {address}   login {airflow_credentials.shown_login(project)}")
    for name in ("source", "warehouse"):
        echo(f"{name + ':':<10} postgres on {found.address(name)}   penstock db psql {name}")
    echo("next:      penstock status, penstock logs -f, penstock stop")
