"""`penstock connection`: the systems that plans name."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from penstock.cli import connection_form
from penstock.cli.connection_options import Fields, Name, PasswordStdin
from penstock.cli.environment_options import AsJson, Env, here, lookup, print_table, written_to
from penstock.cli.option_groups import grouped
from penstock.model.errors import PenstockError, UsageError

app = typer.Typer(
    help="Add, change, try and remove connections in an environment's file.", no_args_is_help=True
)


@app.command()
@grouped
def add(
    name: Name,
    options: Fields,
    env: Env = None,
    *,
    password_stdin: PasswordStdin = False,
    no_input: Annotated[
        bool,
        typer.Option("--no-input", help="Ask for nothing, as in scripts that run on a terminal: --no-input."),
    ] = False,
) -> None:
    """Add a connection. On a terminal, it asks for each field unless the options give all that the type requires.

    Example: penstock connection add warehouse --type postgres --host db --login etl --database dwh --password-stdin
    """
    from penstock.environments.write import save_connection

    project, environment = here(env)
    if name in environment.connection_names():
        raise UsageError(
            f"there is a connection {name!r} already", hint=f"penstock connection set {name} ..."
        )
    fields = options.given()
    if password_stdin:
        fields["password"] = connection_form.read_secret()
    elif sys.stdin.isatty() and not no_input and options.same_as is None and connection_form.lacks(fields):
        fields = connection_form.ask_all(fields)
    if options.same_as is None:
        if "type" not in fields:
            raise UsageError("a connection needs a type", hint="add --type postgres")
        connection_form.require(fields, fields["type"])
    file = save_connection(project.root, written_to(project, env), name, fields)
    typer.echo(f"{name}: added to {file}; try it: penstock connection test {name}")


@app.command("set")
@grouped
def set_fields(
    name: Name,
    options: Fields,
    env: Env = None,
    *,
    password_stdin: PasswordStdin = False,
    ask: Annotated[
        list[str] | None,
        typer.Option("--ask", metavar="FIELD", help="Be asked for it, as in --ask password."),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="FIELD", help="Take it away, as in --unset extra.sslmode."),
    ] = None,
) -> None:
    """Change single fields of a connection in one environment; what it inherits stays as it is there.

    Example: penstock connection set warehouse --env prod --host db.prod.internal --ask password
    """
    from penstock.environments.write import save_connection

    project, environment = here(env)
    fields: dict[str, str | None] = dict(options.given())
    if password_stdin:
        fields["password"] = connection_form.read_secret()
    environment.shown(name)  # it must be there
    fields |= {field: connection_form.ask_one(field) for field in map(connection_form.field_name, ask or [])}
    fields |= dict.fromkeys(map(connection_form.field_name, unset or []))
    if not fields:
        raise UsageError("nothing to change", hint=f"penstock connection set {name} --host db.internal")
    file = save_connection(project.root, written_to(project, env), name, fields)
    typer.echo(f"{name}: {', '.join(fields)} changed in {file}")


@app.command("test")
def try_it(name: Name, env: Env = None, *, as_json: AsJson = False) -> None:
    """Really connect, and say what works and what does not: name, network, login, database, right.

    Example: penstock connection test warehouse --env prod
    """
    from penstock.devtools.connection_test import try_connection

    connection = lookup(name, env)
    steps: list[dict[str, str]] = []
    problem: PenstockError | None = None
    try:
        for step, detail in try_connection(connection):
            steps.append({"step": step, "detail": detail})
            if not as_json:
                typer.echo(f"{step:<9}{detail}")
    except PenstockError as error:
        problem = error
    if as_json:
        typer.echo(json.dumps({"name": name, "steps": steps, "error": problem.message if problem else None}))
    if problem is not None:
        raise problem


@app.command()
def remove(name: Name, env: Env = None) -> None:
    """Remove a connection from an environment; one that is inherited is excluded there.

    Example: penstock connection remove reporting --env dev
    """
    from penstock.environments.write import remove_connection

    project, environment = here(env)
    environment.shown(name)  # it must be there
    file = remove_connection(project.root, written_to(project, env), name)
    typer.echo(f"{name}: removed from {file}")


@app.command("list")
def list_connections(env: Env = None, *, as_json: AsJson = False) -> None:
    """List the connections of an environment.

    Example: penstock connection list --env prod
    """
    environment = here(env)[1]
    shown = {name: environment.shown(name) for name in environment.connection_names()}
    if as_json:
        typer.echo(json.dumps([{"name": name, **fields} for name, fields in shown.items()]))
    elif shown:
        columns = ("type", "host", "port", "login", "database")
        rows = [(name, *(fields.get(column, "") for column in columns)) for name, fields in shown.items()]
        print_table(("name", *columns), rows)
    else:
        typer.echo("no connections yet: penstock connection add warehouse")
