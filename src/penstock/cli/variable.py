"""`penstock variable`: the variables of environments."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

from penstock.cli import connection_form
from penstock.cli.env_file import Env
from penstock.cli.environment_options import AsJson, here, print_table, written_to
from penstock.cli.terminal.streams import echo
from penstock.environments.secret_detection import MASK, looks_secret
from penstock.model.errors import UsageError

app = typer.Typer(help="Set, read and remove variables in an environment's file.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the variable, such as region.", show_default=False)]


@app.command("set")
def set_variable(  # the options are the command's interface
    name: Name,
    value: Annotated[
        str | None, typer.Argument(help="Its value, such as eu. Default: ask for it.", show_default=False)
    ] = None,
    env: Env = None,
    from_env: Annotated[
        str | None,
        typer.Option("--from-env", metavar="VARIABLE", help="Take the value from this environment variable."),
    ] = None,
    *,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the value from standard input: cat key.pem | ... --stdin.")
    ] = False,
    secret: Annotated[
        bool,
        typer.Option("--secret", help="Encrypt it even if its name does not look like a secret."),
    ] = False,
) -> None:
    """Set a variable. It is encrypted if its name looks like a secret, such as api_token.

    Example: penstock variable set region eu --env prod
    """
    from penstock.environments.write import save_variable

    project, _ = here(env)
    hidden = secret or looks_secret(name)
    if value is not None and hidden:
        connection_form.warn(name, "--from-env VARIABLE")
    text = value if value is not None else _read(name, from_env, stdin=stdin, hidden=hidden)
    file = save_variable(project.root, written_to(project, env), name, text, secret=secret)
    echo(f"{name}: written to {file}{', encrypted' if hidden else ''}")


@app.command()
def get(
    name: Name,
    env: Env = None,
    *,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print it even if it is a secret.")] = False,
) -> None:
    """Print a variable. Secrets are printed only with --reveal.

    Example: penstock variable get region --env prod
    """
    environment = here(env)[1]
    if environment.explain_variable(name).value == MASK and not reveal:
        raise UsageError(f"variable {name!r} is a secret", hint="--reveal prints it")
    echo(environment.variable(name))


@app.command("list")
def list_variables(env: Env = None, *, as_json: AsJson = False) -> None:
    """List the variables of an environment. Secrets are masked.

    Example: penstock variable list --env prod
    """
    environment = here(env)[1]
    shown = {name: environment.explain_variable(name).value for name in environment.variable_names()}
    if as_json:
        echo(json.dumps(shown))
    elif shown:
        print_table(("name", "value"), list(shown.items()))
    else:
        echo("no variables yet: penstock variable set region eu")


@app.command()
def remove(name: Name, env: Env = None) -> None:
    """Remove a variable from an environment. If it is inherited, it is excluded.

    Example: penstock variable remove region --env dev
    """
    from penstock.environments.write import remove_variable

    project, environment = here(env)
    environment.explain_variable(name)  # raises if it is missing
    echo(f"{name}: removed from {remove_variable(project.root, written_to(project, env), name)}")


def _read(name: str, variable: str | None, *, stdin: bool, hidden: bool) -> str:
    if variable is not None:
        if variable not in os.environ:
            raise UsageError(f"environment variable {variable} is not set", hint="export it first")
        return os.environ[variable]
    if stdin:
        return sys.stdin.read().removesuffix("\n")
    if not sys.stdin.isatty():
        raise UsageError(
            f"variable {name!r} needs a value", hint="give it, or --stdin, or --from-env VARIABLE"
        )
    return str(typer.prompt(name, hide_input=hidden, err=True))
