"""``penstock lake``: the landings in the lake."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.ledger import AsJson
from penstock.cli.terminal.streams import echo
from penstock.model.address import Lake, parse
from penstock.model.errors import NothingDone, UsageError
from penstock.model.plurals import counted

if TYPE_CHECKING:
    from penstock.rest.lake.listing import Landed

app = typer.Typer(no_args_is_help=True, help="List, show and prune the API answers in the lake.")

Place = Annotated[str, typer.Argument(metavar="lake:NAME", help="A path in the lake; lake: means all of it.")]


@app.command("list")
def list_landings(place: Place = "lake:", *, as_json: AsJson = False) -> None:
    """List the landings below a path: label, state, number of answers, size.

    Example: penstock lake list lake:weather
    """
    from penstock.lookup.stores import open_lake
    from penstock.rest.lake.listing import landings

    found = list(landings(open_lake(), _path(place)))
    if as_json:
        echo(json.dumps([asdict(one) for one in found], default=str))
        return
    if not found:
        echo(f"nothing has landed in {place}")
    for one in found:
        echo(_line(one))


@app.command()
def show(
    place: Place,
    label: Annotated[
        str | None, typer.Option(help="Label of the landing. Default: the landing written last.")
    ] = None,
    request: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Print the raw answers to requests whose URL contains this."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Maximum number of answers.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the answers of a landing: status, time and URL; or the raw answers to some requests.

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
                f"{place}: no request URL of the landing {landing.label!r} contains {request!r}",
                hint=f"penstock lake show {place} lists them",
            )
        return
    found = list(answers(store, landing.key, limit=limit))
    if as_json:
        echo(json.dumps({**asdict(landing), "shown": found}, default=str))
        return
    echo(_line(landing))
    for one in found:
        echo(f"  {one['status']}  {one['outcome']:<9}  {one['answered_at']:%Y-%m-%d %H:%M:%S}  {one['url']}")


@app.command()
def prune(
    place: Place,
    keep_days: Annotated[
        float, typer.Option("--keep-days", min=0, help="Keep landings that were written in the last N days.")
    ] = 90,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be removed.")] = False,
    *,
    as_json: AsJson = False,
) -> None:
    """Delete old landings. Rows that were loaded from them stay in their tables.

    Example: penstock lake prune lake:weather --keep-days 30 --dry-run
    """
    from penstock.lookup.stores import open_lake
    from penstock.rest.lake.listing import outdated, remove

    store = open_lake()
    found = outdated(store, _path(place), keep_days=keep_days)
    if not dry_run:
        remove(store, found)
    if as_json:
        echo(json.dumps({"dry_run": dry_run, "removed": [asdict(one) for one in found]}, default=str))
        return
    for one in found:
        echo(_line(one))
    size = sum(one.bytes for one in found)
    verb = "would be removed" if dry_run else "removed"
    echo(f"{counted(len(found), 'landing')} {verb}, {counted(size, 'byte')}")


def _path(place: str) -> str:
    address = parse(place)
    if not isinstance(address, Lake):
        raise UsageError(f"invalid lake address {place!r}", hint="write it as lake:name")
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
