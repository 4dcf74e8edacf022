"""``penstock diff``: compares two tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.env_file import using
from penstock.cli.progress import at_work
from penstock.cli.terminal.streams import echo, legible
from penstock.model.errors import DiffCode, ExitCode, PenstockError
from penstock.model.plurals import counted

if TYPE_CHECKING:
    from penstock.postgres.diff.differences import Shown
    from penstock.routes.comparison import Comparison

app = typer.Typer()

_SIGNS = {"missing": "-", "extra": "+", "changed": "~"}
_WIDTH = 12
_LONGEST = 60
_BAR = 40


class NotCompared(PenstockError):
    """The tables could not be compared."""

    exit_code = DiffCode.NOT_COMPARED


@app.command()
def diff(  # noqa: PLR0913  # the options are the command's interface
    left: Annotated[str, typer.Argument(help="connection:schema.table, or a view.")],
    right: Annotated[
        str, typer.Argument(help="The table or view to compare with, on the same or another server.")
    ],
    key: Annotated[
        str | None,
        typer.Option(help='Columns that identify a row: a,b. Default: the primary key. "" for none.'),
    ] = None,
    columns: Annotated[str, typer.Option(help="Compare only these, and the key: a,b.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="How many rows to show.")] = 20,
    *,
    by_column: Annotated[
        bool, typer.Option("--by-column", help="Also count the changed rows by column.")
    ] = False,
    visible_rows_only: Annotated[
        bool,
        typer.Option("--visible-rows-only", help="Skip rows that row security hides, instead of failing."),
    ] = False,
    env: Annotated[
        str | None, typer.Option("--env", metavar="NAME", help="The environment, such as prod.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two tables, and show the rows that differ.

    The servers compute checksums; only rows that differ cross the network. Exit codes: 0 same, 1 different, 2 failed.
    See docs/reference/exit-codes.md.

    Example: penstock diff source:public.product warehouse:public.product
    """
    from penstock.routes.comparison import compare

    try:
        with using(env), at_work("comparing", left, right):
            found = compare(
                left,
                right,
                key=None if key is None else _names(key),
                columns=_names(columns),
                limit=limit,
                by_column=by_column,
                visible_rows_only=visible_rows_only,
            )
    except PenstockError as error:
        if error.exit_code != ExitCode.FAILED:
            raise
        raise NotCompared(error.message, error.hint) from error
    if as_json:
        echo(json.dumps(found.to_dict()))
    else:
        for line in _lines(found):
            echo(line)
        if found.visible_rows_only:
            echo("visible rows only: rows that row security hides from the logins are not compared")
    if not found.same:
        raise typer.Exit(DiffCode.DIFFERENT)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _lines(found: Comparison) -> list[str]:
    if found.same and not found.left_rows:
        return [f"the same, but there is nothing to compare: {found.left} and {found.right} have no rows"]
    if found.same:
        return [f"the same: {counted(found.left_rows, 'row')} in {found.left} and {found.right}"]
    how = found.match
    lines = [f"different: {found.left} and {found.right}"]
    lines += [f"  {'rows':<{_WIDTH}}{found.left_rows:>12,}  and {found.right_rows:,}"]
    notes = {"missing": f"not in {found.right}", "extra": f"not in {found.left}", "changed": ""}
    lines += [f"  {kind:<{_WIDTH}}{found.counts[kind]:>12,}  {note}".rstrip() for kind, note in notes.items()]
    for table, only in ((found.left, how.only_left), (found.right, how.only_right)):
        if only:
            lines.append(f"  only {table} has the columns {', '.join(only)}")
    lines += _bars(found)
    lines += [_line(found, shown) for shown in found.shown]
    left_out = sum(found.counts.values()) - sum(shown.difference.times for shown in found.shown)
    if left_out and found.shown:
        lines.append(f"... and {left_out:,} more (--limit)")
    return lines


def _bars(found: Comparison) -> list[str]:
    """A bar for each column: in how many of the changed rows it differs."""
    most = found.counts["changed"]
    width = max(map(len, found.by_column or [""]))
    bar = legible("█")
    return [
        f"    {name:<{width}}  {count:>10,}  {bar * max(1, round(_BAR * count / most))}"
        for name, count in (found.by_column or {}).items()
    ]


def _line(found: Comparison, shown: Shown) -> str:
    how, kind = found.match, shown.difference.kind
    times = f"  ({shown.difference.times} times)" if shown.difference.times > 1 else ""
    named = _pairs(how.key, shown.difference.key) if how.key else ""
    if kind == "changed":
        changes = "  ".join(
            f"{name} {_text(mine)} -> {_text(other)}" for name, (mine, other) in shown.changes.items()
        )
        return f"{_SIGNS[kind]} {named}  {changes}{times}"
    values = shown.left or shown.right or ()
    rest = list(zip(how.columns, values, strict=True))[len(how.key) :]
    if not how.columns:
        return f"{_SIGNS[kind]} a row without columns{times}"
    return (
        f"{_SIGNS[kind]} "
        + "  ".join(filter(None, [named, _pairs(*zip(*rest, strict=True)) if rest else ""]))
        + times
    )


def _pairs(names: tuple[str, ...], values: tuple[str | None, ...]) -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in zip(names, values, strict=True))


def _text(value: str | None) -> str:
    if value is None:
        return "null"
    short = value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}..."
    return (
        short if short.isprintable() and " " not in short and short not in ("", "null") else json.dumps(short)
    )
