"""`penstock env`: the project's environments, and the keys of their secrets."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from penstock.cli import env_transfer
from penstock.cli.env_check import check
from penstock.cli.env_file import Env
from penstock.cli.environment_options import AsJson, here, print_table, written_to
from penstock.cli.terminal.streams import echo
from penstock.environments import choose
from penstock.model.plurals import counted
from penstock.project import find_project

app = typer.Typer(
    help="Show, check, import and export environments, and manage their keys.", no_args_is_help=True
)

Name = Annotated[
    str | None,
    typer.Argument(help="The environment, such as prod. Default: the one in use.", show_default=False),
]


@app.command("list")
def list_environments(*, as_json: AsJson = False) -> None:
    """List the environments and their parents.

    Example: penstock env list
    """
    from penstock.environments.inheritance import environment_names, read_lineage

    root = find_project().root
    used = choose(root)
    parents = {
        name: [parent for parent, _ in read_lineage(root, name)[-1].inherits]
        for name in environment_names(root)
    }
    if as_json:
        rows = [{"name": name, "inherits": its, "used": name == used} for name, its in parents.items()]
        echo(json.dumps(rows))
    elif parents:
        marks = {used: "in use"}
        print_table(
            ("name", "inherits", ""),
            [(name, ", ".join(its), marks.get(name, "")) for name, its in parents.items()],
        )
    else:
        echo("no environments yet; penstock connection add creates the first")


@app.command()
def show(name: Name = None, *, as_json: AsJson = False) -> None:
    """Show every connection and variable of an environment. Secrets are masked.

    Example: penstock env show prod
    """
    _, environment = here(name)
    connections = {one: dict(environment.shown(one)) for one in environment.connection_names()}
    variables = {one: environment.explain_variable(one).value for one in environment.variable_names()}
    if as_json:
        echo(json.dumps({"name": environment.name, "connections": connections, "variables": variables}))
        return
    rows = [(one, field, value) for one, fields in connections.items() for field, value in fields.items()]
    print_table(
        ("name", "field", "value"), [*rows, *((one, "variable", value) for one, value in variables.items())]
    )


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="A connection or variable, such as warehouse.")],
    env: Env = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the file and line that set each field of a connection, or a variable. Secrets are masked.

    Example: penstock env explain warehouse --env prod
    """
    found = here(env)[1].explain(name)
    if as_json:
        echo(json.dumps([asdict(one) for one in found]))
        return
    rows = [(one.field, one.value, f"{one.file}:{one.line}", one.environment) for one in found]
    print_table(("field", "value", "where", "environment"), rows)


@app.command()
def diff(
    one: Annotated[str, typer.Argument(help="An environment, such as dev.")],
    other: Annotated[str, typer.Argument(help="The other environment, such as prod.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two environments. Secrets are compared and masked.

    Example: penstock env diff dev prod
    """
    from penstock.environments.environment import differences

    found = list(differences(here(one)[1], here(other)[1]))
    if as_json:
        echo(json.dumps([asdict(difference) for difference in found]))
    elif found:
        rows = [(each.name, each.field, each.one or "-", each.other or "-") for each in found]
        print_table(("name", "field", one, other), rows)
    else:
        echo(f"{one} and {other} are the same")


@app.command()
def schema() -> None:
    """Print the JSON Schema of environment files, for editors.

    Example: penstock env schema > environments/schema.json
    """
    from penstock.environments.validate import schema_text

    echo(schema_text(), nl=False)


@app.command()
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
        echo(f"{place}: encrypted")
    if not places:
        echo("no plain-text secrets")


@app.command()
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
    from penstock.environments.write import rotate as rotate_keys

    done = rotate_keys(find_project().root, forget=forget)
    verb = "is" if done.secrets == 1 else "are"
    echo(f"{counted(done.secrets, 'secret')} {verb} now encrypted with key {done.key}")
    for file in done.files:
        echo(f"  {file}")
    if done.kept:
        echo(f"older keys still decrypt: {', '.join(done.kept)}")
    echo("share the key with everyone who needs it; environment files are useless without it")


# Commands of other modules.
app.command()(check)
env_transfer.register(app)
