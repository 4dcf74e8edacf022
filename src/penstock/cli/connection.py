"""`penstock connection`: the connections of environments."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from penstock.cli import connection_form
from penstock.cli.connection_options import Fields, Name, PasswordStdin
from penstock.cli.env_file import Env
from penstock.cli.environment_options import AsJson, here, lookup, print_table, written_to
from penstock.cli.option_groups import grouped
from penstock.cli.terminal.streams import echo
from penstock.model.errors import PenstockError, UsageError

app = typer.Typer(
    help="Add, change, test and remove connections in an environment's file.", no_args_is_help=True
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
        typer.Option(
            "--no-input",
            help="Do not ask for missing fields, as in scripts that run on a terminal: --no-input.",
        ),
    ] = False,
) -> None:
    """Add a connection. On a terminal, it asks for each field unless the options give all that the type requires.

    Example: penstock connection add warehouse --type postgres --host db --login etl --database dwh --password-stdin
    """
    from penstock.environments.write import save_connection

    project, environment = here(env)
    if name in environment.connection_names():
        raise UsageError(f"connection {name!r} already exists", hint=f"penstock connection set {name} ...")
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
    echo(f"{name}: added to {file}; test it: penstock connection test {name}")


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
        typer.Option("--ask", metavar="FIELD", help="Ask for this field, such as --ask password."),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="FIELD", help="Remove this field, such as --unset extra.sslmode."),
    ] = None,
) -> None:
    """Change fields of a connection in one environment. Inherited fields that are not named stay inherited.

    Example: penstock connection set warehouse --env prod --host db.prod.internal --ask password
    """
    from penstock.environments.write import save_connection

    project, environment = here(env)
    fields: dict[str, str | None] = dict(options.given())
    if password_stdin:
        fields["password"] = connection_form.read_secret()
    environment.shown(name)  # raises if it is missing
    fields |= {field: connection_form.ask_one(field) for field in map(connection_form.field_name, ask or [])}
    fields |= dict.fromkeys(map(connection_form.field_name, unset or []))
    if not fields:
        raise UsageError("nothing to change", hint=f"penstock connection set {name} --host db.internal")
    file = save_connection(project.root, written_to(project, env), name, fields)
    echo(f"{name}: {', '.join(fields)} changed in {file}")


@app.command("test")
def try_it(name: Name, env: Env = None, *, as_json: AsJson = False) -> None:
    """Connect, and report each step: name lookup, network, login, database, privileges.

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
                echo(f"{step:<9}{detail}")
    except PenstockError as error:
        problem = error
    if as_json:
        echo(json.dumps({"name": name, "steps": steps, "error": problem.message if problem else None}))
    if problem is not None:
        raise problem


@app.command()
def remove(name: Name, env: Env = None) -> None:
    """Remove a connection from an environment. If it is inherited, it is excluded.

    Example: penstock connection remove reporting --env dev
    """
    from penstock.environments.write import remove_connection

    project, environment = here(env)
    environment.shown(name)  # raises if it is missing
    file = remove_connection(project.root, written_to(project, env), name)
    echo(f"{name}: removed from {file}")


@app.command()
def show(name: Name, env: Env = None, *, as_json: AsJson = False) -> None:
    """Show the fields of a connection that a copy would use, and where each comes from. Secrets are masked.

    Nothing is started, and nothing is connected to.

    Example: penstock connection show warehouse --env prod
    """
    from penstock.cli.connection_fields import fields_with_places

    rows = fields_with_places(name, env)
    if as_json:
        found = [{"field": field, "value": value, "where": where} for field, value, where in rows]
        echo(json.dumps({"name": name, "fields": found}))
    else:
        print_table(("field", "value", "where"), rows)


@app.command("list")
def list_connections(env: Env = None, *, as_json: AsJson = False) -> None:
    """List the connections of an environment.

    Example: penstock connection list --env prod
    """
    environment = here(env)[1]
    shown = {name: environment.shown(name) for name in environment.connection_names()}
    if as_json:
        echo(json.dumps([{"name": name, **fields} for name, fields in shown.items()]))
    elif shown:
        columns = ("type", "host", "port", "login", "database")
        rows = [(name, *(fields.get(column, "") for column in columns)) for name, fields in shown.items()]
        print_table(("name", *columns), rows)
    else:
        echo("no connections yet: penstock connection add warehouse")
