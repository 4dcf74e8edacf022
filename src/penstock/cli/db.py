"""`penstock db`: the embedded Postgres servers and services."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from penstock.cli.terminal.streams import echo
from penstock.model.connection import Connection
from penstock.model.errors import UsageError
from penstock.project import find_project

app = typer.Typer(
    help="Start, stop and open the embedded Postgres servers, object store and sandbox.",
    no_args_is_help=True,
)

Name = Annotated[
    str | None,
    typer.Argument(help="source, warehouse, objects or sandbox. Default: both servers.", show_default=False),
]
StopName = Annotated[
    str | None,
    typer.Argument(help="source, warehouse, objects or sandbox. Default: all.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]


@app.command()
def start(name: Name = None) -> None:
    """Start the Postgres servers, the object store or the sandbox. The first start creates them.

    Example: penstock db start objects
    """
    project = find_project()
    for one in _chosen(name):
        _keeper(one).ensure(project, one)
        found = _keeper(one).status(project, one)
        echo(f"{one}: running on {found.host}:{found.port}")


@app.command()
def stop(name: StopName = None) -> None:
    """Stop servers and services; open transactions are rolled back. Servers that the stack supervises are refused.

    Example: penstock db stop objects
    """
    from penstock.stack import lifecycle
    from penstock.stack.services import SERVICES

    project = find_project()
    running = [one for one in SERVICES if name is None and _keeper(one).status(project, one).pid]
    chosen = [*_chosen(name), *running]
    lifecycle.require_unwatched(project, chosen)
    for one in chosen:
        echo(f"{one}: {'stopped' if _keeper(one).stop(project, one) else 'was not running'}")


@app.command()
def status(name: Name = None, *, as_json: AsJson = False) -> None:
    """Show which servers are running, and where; services are listed if they run. Starts nothing.

    Example: penstock db status warehouse --json
    """
    from penstock.stack.services import SERVICES

    project = find_project()
    found = [_keeper(one).status(project, one) for one in _chosen(name)]
    if name is None:
        services = [_keeper(one).status(project, one) for one in SERVICES]
        found += [one for one in services if one.pid is not None]
    if as_json:
        echo(json.dumps([asdict(one) for one in found], default=str))
        return
    for one in found:
        place = "" if one.port is None else f" on {one.host}:{one.port}"
        process = "" if one.pid is None else f", process {one.pid}"
        echo(f"{one.name}: {one.state}{place}{process}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="source or warehouse (also called target).")] = "warehouse",
) -> None:
    """Open psql on a server. Further arguments are passed to psql.

    Example: penstock db psql warehouse -c 'select 1'
    """
    from penstock.lookup import SERVERS as EMBEDDED
    from penstock.model.address import refuse_url
    from penstock.stack import SERVERS, ensure
    from penstock.stack.postgres.binaries import bundled_programs

    arguments = context.args
    if name.startswith("-"):  # `penstock db psql -c ...`: no name was given
        name, arguments = "warehouse", [name, *arguments]
    refuse_url(name)
    name = EMBEDDED.get(name, name)
    if name not in SERVERS:
        raise UsageError(
            f"no embedded server {name!r}",
            hint=f"the servers are {' and '.join(SERVERS)}; open another database with psql itself",
        )
    program = bundled_programs() / "psql"
    connection = ensure(find_project(), name)
    os.execve(program, [str(program), *arguments], _psql_environment(connection))  # noqa: S606  # no shell, on purpose


def _psql_environment(connection: Connection) -> dict[str, str]:
    """The caller's environment with this connection: a password in arguments would be visible to every account."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("PG") or key == "PGTZ"
    }
    password = connection.password.reveal() if connection.password else ""
    # The bundled psql looks for terminfo in paths that Debian does not use.
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
    from penstock.stack.services import SERVICES

    if name is None:
        return SERVERS
    if name not in (known := (*SERVERS, *SERVICES)):
        raise UsageError(f"no embedded server or service {name!r}", hint=f"there are: {', '.join(known)}")
    return [name]


def _keeper(name: str) -> Any:
    """The module that starts and stops the server or service of this name, and reports its status."""
    from penstock.stack import services
    from penstock.stack.postgres import manage

    return services if name in services.SERVICES else manage
