"""``penstock lake``: what has landed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.ledger import AsJson
from penstock.model.address import Lake, parse
from penstock.model.errors import NothingDone, UsageError
from penstock.model.plurals import counted

if TYPE_CHECKING:
    from penstock.rest.lake.listing import Landed

app = typer.Typer(no_args_is_help=True, help="Answers of APIs that have landed: list, look, prune.")

Place = Annotated[str, typer.Argument(metavar="lake:NAME", help="A place in the lake; lake: is all of it.")]


@app.command("list")
def list_landings(place: Place = "lake:", *, as_json: AsJson = False) -> None:
    """List the landings of a place, or of the whole lake: label, state, answers, size.

    Example: penstock lake list lake:weather
    """
    from penstock.lookup.stores import open_lake
    from penstock.rest.lake.listing import landings

    found = list(landings(open_lake(), _path(place)))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], default=str))
        return
    if not found:
        typer.echo(f"nothing has landed in {place}")
    for one in found:
        typer.echo(_line(one))


@app.command()
def show(
    place: Place,
    label: Annotated[
        str | None, typer.Option(help="Of this landing. Default: the one written to last.")
    ] = None,
    request: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Print the bytes that answered requests whose address holds this."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many answers.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a landing's answers: what was asked, its status, when; or the bytes of one.

    Example: penstock lake show lake:weather --request id=5128581
    """
    from penstock.lookup.stores import open_lake
    from penstock.rest.lake.listing import answers, body

    store = open_lake()
    landing = _chosen(place, label)
    if request is not None:
        found_any = False
        for data in body(store, landing.key, request):
            found_any = True
            sys.stdout.buffer.write(data + b"\n")
        if not found_any:
            raise NothingDone(
                f"{place}: no request of the landing {landing.label!r} has {request!r} in its address",
                hint=f"penstock lake show {place} lists them",
            )
        return
    found = list(answers(store, landing.key, limit=limit))
    if as_json:
        typer.echo(json.dumps({**asdict(landing), "shown": found}, default=str))
        return
    typer.echo(_line(landing))
    for one in found:
        typer.echo(
            f"  {one['status']}  {one['outcome']:<9}  {one['answered_at']:%Y-%m-%d %H:%M:%S}  {one['url']}"
        )


@app.command()
def prune(
    place: Place,
    keep_days: Annotated[
        float, typer.Option("--keep-days", min=0, help="Keep what was written to in the last so many days.")
    ] = 90,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")
    ] = False,
    *,
    as_json: AsJson = False,
) -> None:
    """Remove old landings for good; what was loaded from them stays in its tables.

    Example: penstock lake prune lake:weather --keep-days 30 --dry-run
    """
    from penstock.lookup.stores import open_lake
    from penstock.rest.lake.listing import outdated, remove

    store = open_lake()
    found = outdated(store, _path(place), keep_days=keep_days)
    if not dry_run:
        remove(store, found)
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "removed": [asdict(one) for one in found]}, default=str))
        return
    for one in found:
        typer.echo(_line(one))
    size = sum(one.bytes for one in found)
    verb = "would be removed" if dry_run else "removed"
    typer.echo(f"{counted(len(found), 'landing')} {verb}, {size:,} bytes")


def _path(place: str) -> str:
    address = parse(place)
    if not isinstance(address, Lake):
        raise UsageError(f"{place!r} is no place in the lake", hint="write it as lake:name")
    return address.path


def _chosen(place: str, label: str | None) -> Landed:
    from penstock.lookup.stores import open_lake
    from penstock.rest.lake.listing import landings

    found = [one for one in landings(open_lake(), _path(place)) if label is None or one.label == label]
    if not found:
        what = "nothing has landed" if label is None else f"no landing {label!r}"
        raise UsageError(f"{what} in {place}", hint=f"penstock lake list {place}")
    return max(found, key=lambda one: one.modified)


def _line(landed: Landed) -> str:
    state = "finished" if landed.finished else "unfinished"
    answers = "" if landed.answers is None else f"{counted(landed.answers, 'answer'):>17}"
    return f"lake:{landed.path}  {landed.label:<28} {state:<10} {answers:>17} {landed.bytes:>12,} bytes"
