"""`penstock demo`."""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command()
def demo() -> None:
    """Run the sales warehouse end to end: a dirty file, an Airflow DAG, a tested star schema.

    Example: penstock demo
    """
    from penstock.cli.demo_run import run

    run()
