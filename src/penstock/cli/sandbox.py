"""`penstock sandbox`: simulated price and weather APIs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from penstock.cli.terminal.streams import echo
from penstock.project import find_project

app = typer.Typer(
    help="Simulated price and weather APIs on this machine, with real data.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def start(
    settings: Annotated[
        str | None,
        typer.Option(metavar="JSON|FILE", help="Settings to use instead of [sandbox] in penstock.toml."),
    ] = None,
) -> None:
    """Start the sandbox, if it is not running.

    Example: penstock sandbox start --settings '{"window_s": 1}'
    """
    from penstock_sandbox import client
    from penstock_sandbox.state import parse_settings

    wanted = None if settings is None else parse_settings(settings)
    found = client.start(find_project())
    if wanted is not None:
        found.apply(wanted)
    echo(f"sandbox: running on {found.url.removeprefix('http://')}")


@app.command()
def stop() -> None:
    """Stop the sandbox.

    Example: penstock sandbox stop
    """
    from penstock.stack import services

    echo(f"sandbox: {'stopped' if services.stop(find_project(), 'sandbox') else 'was not running'}")


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show whether the sandbox is running, and where. Starts nothing.

    Example: penstock sandbox status --json
    """
    from penstock.stack import services

    found = services.status(find_project(), "sandbox")
    if as_json:
        echo(json.dumps(asdict(found), default=str))
        return
    place = "" if found.port is None else f" on {found.host}:{found.port}"
    process = "" if found.pid is None else f", process {found.pid}"
    echo(f"{found.name}: {found.state}{place}{process}")


@app.command("set")
def set_(
    settings: Annotated[
        str | None,
        typer.Argument(metavar="JSON|FILE", help="The new settings. Without it, print the current ones."),
    ] = None,
) -> None:
    """Set the faults and rate limits that the sandbox simulates. Settings that are left out get their defaults.

    Example: penstock sandbox set '{"switches": {"weather": {"error": {"share": 0.1}}}}'
    """
    from penstock_sandbox import client
    from penstock_sandbox.state import parse_settings

    found = client.find(find_project())
    if settings is not None:
        found.apply(parse_settings(settings))
    echo(json.dumps(found.settings()))


@app.command()
def calls(
    service: Annotated[
        str | None, typer.Option(help="Only calls to this service: prices, weather or course.")
    ] = None,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="Number of calls to list.")] = 10,
    *,
    forget: Annotated[bool, typer.Option("--forget", help="Reset the counts afterwards.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the calls to the sandbox, and its answers.

    Example: penstock sandbox calls --service weather -n 3
    """
    from penstock_sandbox import client

    sandbox = client.find(find_project())
    found = sandbox.calls(service, last)
    if forget:
        sandbox.forget()
    if as_json:
        echo(json.dumps(found))
        return
    for name, counts in found["counts"].items():
        totals = ", ".join(f"{count:,} x {status}" for status, count in counts.items())
        most = "".join(
            f"; at most {count:,} in a window ({plan})"
            for plan, count in found["most_in_window"].get(name, {}).items()
        )
        echo(f"{name}: {totals}{most}")
    for call in found["calls"]:
        trouble = f"  ({', '.join(call['trouble'])})" if call["trouble"] else ""
        echo(f"  {call['status']}  {call['request']}{trouble}")
