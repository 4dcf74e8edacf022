"""`penstock db`: the embedded Postgres servers."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from penstock.model.connection import Connection
from penstock.model.errors import UsageError
from penstock.project import find_project

app = typer.Typer(help="Start, stop and enter the embedded Postgres servers.", no_args_is_help=True)

Name = Annotated[str | None, typer.Argument(help="source or warehouse; by default both.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]


@app.command()
def start(name: Name = None) -> None:
    """Start the servers, making them the first time."""
    from penstock.stack import ensure

    project = find_project()
    for server in _chosen(name):
        connection = ensure(project, server)
        typer.echo(f"{server}: running on {connection.host}:{connection.port}")


@app.command()
def stop(name: Name = None) -> None:
    """Stop the servers; open transactions are rolled back."""
    from penstock.stack import stop as stop_server

    project = find_project()
    for server in _chosen(name):
        typer.echo(f"{server}: {'stopped' if stop_server(project, server) else 'was not running'}")


@app.command()
def status(name: Name = None, *, as_json: AsJson = False) -> None:
    """Tell which servers run, and where. Starts nothing."""
    from penstock.stack import status as server_status

    project = find_project()
    found = [server_status(project, server) for server in _chosen(name)]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], default=str))
        return
    for one in found:
        place = "" if one.port is None else f" on {one.host}:{one.port}"
        process = "" if one.pid is None else f", process {one.pid}"
        typer.echo(f"{one.name}: {one.state}{place}{process}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="source or warehouse.")] = "warehouse",
) -> None:
    """Enter a server with psql; further arguments are psql's.

    Example: penstock db psql warehouse -c 'select 1'
    """
    from penstock.stack import ensure
    from penstock.stack.programs import bundled_programs

    arguments = context.args
    if name.startswith("-"):  # `penstock db psql -c ...`: the name was left out
        name, arguments = "warehouse", [name, *arguments]
    (server,) = _chosen(name)
    program = bundled_programs() / "psql"
    connection = ensure(find_project(), server)
    os.execve(program, [str(program), *arguments], _psql_environment(connection))  # noqa: S606  # no shell, on purpose


def _psql_environment(connection: Connection) -> dict[str, str]:
    """The caller's environment with this connection: a password in arguments would be seen by every account."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("PG") or key == "PGTZ"
    }
    password = connection.password.reveal() if connection.password else ""
    # The bundled psql was built elsewhere and looks for terminals where Debian keeps none.
    environment.setdefault("TERMINFO_DIRS", "/etc/terminfo:/lib/terminfo:/usr/share/terminfo")
    return environment | {
        "PGHOST": str(connection.host),
        "PGPORT": str(connection.port),
        "PGUSER": str(connection.login),
        "PGDATABASE": str(connection.database),
        "PGPASSWORD": password,
        "PGSSLMODE": "disable",
    }


def _chosen(name: str | None) -> Sequence[str]:
    from penstock.stack import SERVERS

    if name is None:
        return SERVERS
    if name not in SERVERS:
        raise UsageError(f"no embedded server is called {name!r}", hint=f"there are: {', '.join(SERVERS)}")
    return [name]
