"""`penstock init`: creates a project."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.terminal.streams import echo
from penstock.model.plurals import counted

app = typer.Typer()


class Template(StrEnum):
    """The templates, by their option values."""

    gallery = "gallery"
    blank = "blank"
    copies = "copies"


@app.command()
def init(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Directory of the project, such as shop. Default: the current one."
        ),
    ] = Path(),
    *,
    template: Annotated[
        Template,
        typer.Option(
            help="gallery: all pipelines that ship with Penstock; blank: one small DAG; "
            "copies: DAGs from YAML files."
        ),
    ] = Template.blank,
) -> None:
    """Create a project with DAGs and tests, ready to run. Nothing is overwritten.

    In a project of Astro or Airflow (`dags/`, `airflow_settings.yaml`), add what is missing, without an example.

    Example: penstock init shop --template gallery
    """
    from penstock.devtools.init import make
    from penstock.stack.port_config import PREFERRED_PORTS

    made = make(directory, template.value)
    if made.finished:
        echo("completed an interrupted init")
    if made.kept:
        echo(
            f"{made.root}: added {counted(made.files, 'file')} to the project; unchanged: {', '.join(made.kept)}"
        )
    else:
        echo(
            f"{made.root}: created a project of {counted(made.files, 'file')} from the template {template.value}"
        )
    if made.port != PREFERRED_PORTS["airflow"]:
        echo(
            f"port {PREFERRED_PORTS['airflow']} is taken: Airflow will use {made.port} (set in penstock.toml)"
        )
    if os.environ.get("PENSTOCK_PROJECT"):
        echo("PENSTOCK_PROJECT is set to another project, which commands will use: unset PENSTOCK_PROJECT")
    dag = "greetings" if template is Template.copies else "hello"
    if made.root != Path.cwd():
        echo(f"next:  cd {directory}")
    for advice in made.advice:
        echo(f"next:  {advice}")
    if made.kept:
        echo("next:  penstock parse, penstock test, penstock start")
        return
    first = "penstock demo" if template is Template.gallery else f"penstock run {dag}"
    echo(f"next:  {first}, penstock test, penstock start")
