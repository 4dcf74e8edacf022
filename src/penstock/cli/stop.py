"""`penstock stop`: stops the stack."""

from __future__ import annotations

import time

import typer

from penstock.cli.terminal.streams import echo
from penstock.project import find_project

app = typer.Typer()


@app.command()
def stop() -> None:
    """Stop Airflow and the Postgres servers. Running tasks are stopped, and open transactions are rolled back.

    Example: penstock stop
    """
    from penstock.stack import lifecycle

    began = time.monotonic()
    if lifecycle.stop(find_project()):
        echo(f"stopped in {time.monotonic() - began:.1f} s")
    else:
        echo("nothing was running")
