"""`penstock env encrypt` and `penstock env rotate`: the secrets of environments and their keys."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.environment_options import written_to
from penstock.model.plurals import counted
from penstock.project import find_project


def encrypt(
    name: Annotated[
        str | None,
        typer.Argument(help="The environment, such as dev. Default: the one in use.", show_default=False),
    ] = None,
) -> None:
    """Encrypt the plain-text secrets in an environment's file.

    Secrets that were committed as plain text are exposed: change them on their systems, too.

    Example: penstock env encrypt dev
    """
    from penstock.environments.write import encrypt_plain

    project = find_project()
    places = encrypt_plain(project.root, written_to(project, name))
    for place in places:
        typer.echo(f"{place}: encrypted")
    if not places:
        typer.echo("no plain-text secrets")


def rotate(
    *,
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Drop the old keys. Run it when nothing uses them any more."),
    ] = False,
) -> None:
    """Make a new key, and encrypt every secret of every environment with it.

    Old keys stay in .penstock/key, so that running tasks and older branches can still decrypt, until --forget.
    If PENSTOCK_KEY is set, put the new key before the old one: PENSTOCK_KEY=new,old penstock env rotate

    Example: penstock env rotate
    """
    from penstock.environments.rotate_keys import rotate as rotate_keys

    done = rotate_keys(find_project().root, forget=forget)
    verb = "is" if done.secrets == 1 else "are"
    typer.echo(f"{counted(done.secrets, 'secret')} {verb} now encrypted with key {done.key}")
    for file in done.files:
        typer.echo(f"  {file}")
    if done.kept:
        typer.echo(f"older keys still decrypt: {', '.join(done.kept)}")
    typer.echo("share the key with everyone who needs it; environment files are useless without it")
