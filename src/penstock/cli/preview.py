"""``penstock preview``, and what ``penstock copy --dry-run`` prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.copy_options import Keys, Reading
from penstock.cli.env_file import Env, using
from penstock.cli.environment_options import print_table
from penstock.cli.option_groups import grouped
from penstock.cli.progress import shown
from penstock.cli.terminal.streams import echo
from penstock.model.copy_files import write_copy
from penstock.model.options import CopyOptions, make_plan
from penstock.model.plurals import counted
from penstock.model.preview import InferredColumn, Preview

app = typer.Typer()

_LONGEST = 40
_NONE = "NULL"


@app.command()
@grouped
def preview(  # noqa: PLR0913  # the options are the command's interface
    source: Annotated[
        str, typer.Argument(help="A file, a quoted glob, - (standard input), s3://bucket/key, lake:name.")
    ],
    target: Annotated[
        str | None,
        typer.Argument(help="connection:schema.table: also try the copy into it, and roll it back."),
    ] = None,
    *,
    keys: Keys,
    reading: Reading,
    rows: Annotated[int, typer.Option("--rows", "-n", min=0, help="Number of rows of the sample.")] = 5,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="FILE", help="Write the copy to a YAML file, which penstock copy runs."
        ),
    ] = None,
    env: Env = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how a file is read: dialect, columns, types and why, sample, and what a copy would reject.

    Nothing is changed. With a target, the copy runs in its transaction and is rolled back; the exit code is then the
    copy's. See docs/reference/exit-codes.md.

    Example: penstock preview sales.csv warehouse:raw.sales --save sales.yaml
    """
    words: CopyOptions = {**keys.words(), **reading.words()}
    defaults: CopyOptions = {**Keys().words(), **Reading().words()}
    with using(env):
        show(source, target or "", words, defaults, rows=rows, save=save, as_json=as_json)


def show(  # noqa: PLR0913  # the options of two commands
    source: str,
    target: str,
    words: CopyOptions,
    defaults: CopyOptions,
    *,
    rows: int = 5,
    save: Path | None = None,
    again: bool = False,
    as_json: bool = False,
) -> None:
    """Preview a copy and print it.

    Args:
        words: The options of the copy.
        defaults: What they are if they are not given; the others are saved.

    Raises:
        PenstockError: After the preview is printed, if the copy would fail.
    """
    from penstock.routes.preview import preview as find

    plan = make_plan(source, target, **words)
    with shown(quiet=as_json) as progress:
        found = find(plan, rows=rows, again=again, progress=progress)
    if as_json:
        echo(json.dumps(found.to_dict()))
    else:
        _print(found)
    if save is not None:
        given = {name: value for name, value in words.items() if value != defaults.get(name)}
        detected = {name: found.reading[name] for name in found.detected if name in found.reading}
        write_copy(save, source, target or "warehouse:raw.new_table", {**detected, **_plain(given)})
        echo(f"saved; run it: penstock copy {save}", err=as_json)
    if found.error is not None:
        raise found.error


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def _print(found: Preview) -> None:
    echo(f"{found.source}: {counted(found.rows, 'row')}, {counted(len(found.columns), 'column')}")
    if found.reading:
        echo(f"  {', '.join(_option(found, name) for name in found.reading)}")
    echo()
    _table(("column", "type", "decided by"), [_described(column) for column in found.columns])
    if found.sample:
        echo()
        names = [column.name for column in found.columns]
        _table(names, [[_cell(value) for value in row] for row in found.sample])
    echo()
    for line in _outlook(found):
        echo(line)
    if found.ddl is not None:
        echo(f"\n{found.ddl};")


def _option(found: Preview, name: str) -> str:
    value = found.reading[name]
    text = "none" if value is None else ",".join(value) if isinstance(value, list) else str(value)
    is_plain = text.isprintable() and (len(text) > 1 or text.isalnum()) and text.strip()
    shown_as = text if is_plain else repr(text)
    label = name.replace("_", " ")
    mark = " (detected)" if name in found.detected else ""
    return f"{label} {shown_as}{mark}"


def _described(column: InferredColumn) -> tuple[str, str, str]:
    renamed = "" if column.name == column.source else f" ({_cell(column.source)})"
    why = column.decision
    said = (
        "" if why is None else f"{_cell(why.value)} in line {why.line} of {why.file}; before it, {why.before}"
    )
    return f"{column.name}{renamed}", column.type, said


def _cell(value: str | None) -> str:
    if value is None:
        return _NONE
    text = (
        value
        if value.isprintable() and value.strip() == value and value not in ("", _NONE)
        else json.dumps(value)
    )
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not sys.stdout.isatty():
        print_table(names, rows)
        return
    from rich.table import Table
    from rich.text import Text

    from penstock.cli.terminal.streams import PenstockConsole

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(Text(name), overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    PenstockConsole().print(table)


def _outlook(found: Preview) -> list[str]:
    """What a copy would do, in lines."""
    account = found.account
    if account is not None and account.already:
        return [f"{found.target}: already copied; a copy would change nothing"]
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in found.rejects.items())
    rejected = sum(found.rejects.values())
    lines = []
    if account is not None:
        parts = [
            f"{account.loaded:,} loaded",
            counted(account.duplicates, "duplicate"),
            f"{account.rejected:,} rejected",
            f"{account.deleted:,} deleted" if account.deleted else "",
        ]
        lines.append(f"{found.target}: a copy would have {', '.join(filter(None, parts))}")
        lines += [f"  {change}" for change in account.changes]
        if account.filtered:
            left_out = counted(account.filtered, "row")
            lines.append(f"  {left_out} left out by a filter, a flag, --comment or --footer")
    elif rejected:
        lines.append(f"{counted(rejected, 'row')} cannot be parsed")
    elif found.error is None:
        lines.append("every row can be parsed")
    lines += [f"  rejected: {reasons}"] if rejected else []
    lines += [f"  {check}" for check in (account.checks if account is not None else ())]
    return [*lines, *(f"  {example}" for example in found.examples)]
