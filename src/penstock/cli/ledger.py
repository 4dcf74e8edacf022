"""``penstock ledger``: past copies and their accounts."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from penstock.cli.environment_options import print_table
from penstock.cli.terminal.streams import echo

app = typer.Typer(no_args_is_help=True, help="Past copies and their accounts.")

Where = Annotated[str, typer.Option("--connection", "-c", help="The connection whose ledger is read.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_copies(
    connection: Where = "warehouse",
    limit: Annotated[int, typer.Option("--limit", "-n", help="Maximum number, latest first.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List the latest copies.

    Example: penstock ledger list -n 5
    """
    from penstock.routes.quarantine import records

    with records(connection) as kept:
        rows = kept.copies(limit)
    if as_json:
        echo(json.dumps([_plain(row) for row in rows]))
        return
    if not rows:
        echo(f"no copies into {connection} yet")
        return
    counts = ("read", "loaded", "duplicates", "rejected")
    print_table(
        ("id", "finished", "target", "mode", *counts, "s"),
        [
            (
                row["id"][:12],
                f"{row['finished_at']:%Y-%m-%d %H:%M:%S}",
                row["target"],
                row["plan"]["mode"] + (", visible rows only" if row["plan"].get("visible_rows_only") else ""),
                *(f"{row[name]:,}" for name in counts),
                f"{row['seconds']:.1f}",
            )
            for row in rows
        ],
        numbers=(*counts, "s"),
    )


@app.command()
def show(
    copy_id: Annotated[str, typer.Argument(metavar="ID", help="The copy's id, or its first characters.")],
    connection: Where = "warehouse",
    *,
    as_json: AsJson = False,
) -> None:
    """Show one copy: plan, files and account.

    Example: penstock ledger show 3f2a
    """
    from penstock.routes.quarantine import records

    with records(connection) as kept:
        row = _plain(kept.find(copy_id))
    if as_json:
        echo(json.dumps(row))
        return
    for name, value in row.items():
        echo(f"{name:<12} {value if isinstance(value, str) else json.dumps(value)}")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row as JSON, without internal columns."""
    return {
        name: value.isoformat() if name == "finished_at" else value
        for name, value in row.items()
        if name != "target_oid"
    }
