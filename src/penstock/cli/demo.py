"""`penstock demo`."""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command()
def demo() -> None:
    """Run the sales warehouse, end to end."""
    from penstock.sandbox.demo import run

    run()
