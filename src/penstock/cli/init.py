"""`penstock init`: a new project."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


class Template(StrEnum):
    """The templates, as the option names them."""

    gallery = "gallery"
    blank = "blank"


@app.command()
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where, as in shop; by default the working directory.")
    ] = Path(),
    *,
    template: Annotated[
        Template,
        typer.Option(help="gallery: every pipeline that comes with Penstock; blank: one small DAG."),
    ] = Template.blank,
) -> None:
    """Make a project that parses, whose tests are green, and that runs. Nothing is overwritten.

    Example: penstock init shop --template gallery
    """
    from penstock.devtools.init import make
    from penstock.stack.port_config import PREFERRED_PORTS

    made = make(directory, template.value)
    if made.finished:
        typer.echo("an init that was interrupted here is finished now")
    typer.echo(f"{made.root}: {made.files} files, a project made from the template {template.value}")
    if made.port != PREFERRED_PORTS["airflow"]:
        typer.echo(
            f"port {PREFERRED_PORTS['airflow']} is taken, so its Airflow will be on {made.port} (penstock.toml says so)"
        )
    if os.environ.get("PENSTOCK_PROJECT"):
        typer.echo("PENSTOCK_PROJECT names another project, which commands go to: unset PENSTOCK_PROJECT")
    dag = "sales_warehouse" if template is Template.gallery else "hello"
    if made.root != Path.cwd():
        typer.echo(f"next:  cd {directory}")
    first = "penstock demo" if template is Template.gallery else f"penstock run {dag}"
    typer.echo(f"next:  {first}, penstock test, penstock start")
