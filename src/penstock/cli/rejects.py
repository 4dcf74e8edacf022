"""``penstock rejects``: the rows in quarantine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.account import answers_of, show_account
from penstock.cli.ledger import AsJson, Where
from penstock.cli.progress import shown
from penstock.cli.terminal.streams import echo
from penstock.model.outcome import NothingLoaded, rejects_command
from penstock.model.plurals import counted

app = typer.Typer(no_args_is_help=True, help="Show, export and replay rejected rows.")

CopyId = Annotated[str, typer.Argument(metavar="ID", help="The copy's id, or its first characters.")]
ByReason = Annotated[str | None, typer.Option("--reason", help="Only rows rejected for this reason.")]


@app.command("list")
def list_copies(connection: Where = "warehouse", *, as_json: AsJson = False) -> None:
    """List the copies that have rows in quarantine, by reason.

    Example: penstock rejects list
    """
    from penstock.routes.quarantine import records

    with records(connection) as kept:
        rows = kept.outstanding()
    if as_json:
        echo(json.dumps(rows, default=str))
        return
    if not rows:
        echo(f"no rows in quarantine in {connection}")
    for row in rows:
        replayed = row["rows"] - row["open"]
        note = f"  ({replayed:,} replayed)" if replayed else ""
        echo(f"{row['id'][:12]}  {row['target']}  {row['reason']:<16} {row['rows']:>8,}{note}")


@app.command()
def show(
    copy_id: CopyId,
    connection: Where = "warehouse",
    reason: ByReason = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Maximum number of rows.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a copy's rejected rows: file, line, reason and text.

    Example: penstock rejects show 3f2a --reason bad_type -n 5
    """
    from penstock.routes.quarantine import records

    with records(connection) as kept:
        rows = kept.rejects(kept.find(copy_id)["run"], reason=reason, limit=limit)
    if as_json:
        echo(json.dumps(rows))
        return
    if not rows:
        echo(f"copy {copy_id} has no rejects{f' for the reason {reason}' if reason else ''}")
    for row in rows:
        column = f" {row['column']}" if row["column"] else ""
        echo(f"{row['file']}:{row['line']}: {row['reason']}{column}: {row['message']}")
        echo(f"    {row['raw']}")


@app.command()
def export(
    copy_id: CopyId,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    connection: Where = "warehouse",
    reason: ByReason = None,
) -> None:
    """Write a copy's rejected rows to a file in the source's format, to be corrected.

    Example: penstock rejects export 3f2a corrected.csv
    """
    from penstock.routes.quarantine import export as export_rejects

    count = export_rejects(connection, copy_id, path, reason=reason)
    them = "it" if count == 1 else "them"
    then = f"penstock rejects replay {copy_id} --from {path}"
    echo(f"{counted(count, 'row')} in {path}; correct {them}, then: {then}")


@app.command()
def replay(
    copy_id: CopyId,
    connection: Where = "warehouse",
    corrected: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="The exported file, corrected.")
    ] = None,
    api_plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="From the lake: read records by this plan."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Copy rejected rows again, after the table was changed or from a corrected file.

    Exit codes: 0 done, 1 failed, 2 usage, 5 nothing loaded: no rejects, or all rejected again.
    See docs/reference/exit-codes.md.

    Example: penstock rejects replay 3f2a --from corrected.csv
    """
    from penstock.routes.quarantine import replay as replay_rejects

    try:
        with shown(quiet=as_json) as progress:
            result = replay_rejects(
                connection, copy_id, corrected=corrected, answers=answers_of(api_plan), progress=progress
            )
    except NothingLoaded as nothing:
        show_account(nothing.result, "replayed", as_json=as_json)
        raise
    show_account(result, "replayed", rejects=rejects_command(result, connection), as_json=as_json)
