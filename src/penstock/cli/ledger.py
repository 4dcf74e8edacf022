"""``penstock ledger``: what was copied, and its account."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="What was copied, and the account of its rows.")

Where = Annotated[str, typer.Option("--connection", "-c", help="The connection whose ledger it is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_copies(
    connection: Where = "warehouse",
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many, the latest first.")] = 20,
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
        typer.echo(json.dumps([_plain(row) for row in rows]))
        return
    from rich.console import Console
    from rich.table import Table

    if not rows:
        typer.echo(f"nothing was copied into {connection} yet")
        return
    table = Table(box=None)
    for name in ("id", "finished", "target", "mode"):
        table.add_column(name)
    for name in ("read", "loaded", "duplicates", "rejected", "s"):
        table.add_column(name, justify="right")
    for row in rows:
        counts = [f"{row[name]:,}" for name in ("read", "loaded", "duplicates", "rejected")]
        when = f"{row['finished_at']:%Y-%m-%d %H:%M:%S}"
        mode = row["plan"]["mode"]
        if row["plan"].get("visible_rows_only"):
            mode += ", visible rows only"
        table.add_row(row["id"][:12], when, row["target"], mode, *counts, f"{row['seconds']:.1f}")
    Console(width=None if typer.get_text_stream("stdout").isatty() else 160).print(table)


@app.command()
def show(
    copy_id: Annotated[str, typer.Argument(metavar="ID", help="The copy's id, or its beginning.")],
    connection: Where = "warehouse",
    *,
    as_json: AsJson = False,
) -> None:
    """Show one copy: its plan, its files, its account.

    Example: penstock ledger show 3f2a
    """
    from penstock.routes.quarantine import records

    with records(connection) as kept:
        row = _plain(kept.find(copy_id))
    if as_json:
        typer.echo(json.dumps(row))
        return
    for name, value in row.items():
        typer.echo(f"{name:<12} {value if isinstance(value, str) else json.dumps(value)}")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row as JSON can hold it, without what only the database needs."""
    return {
        name: value.isoformat() if name == "finished_at" else value
        for name, value in row.items()
        if name != "target_oid"
    }
