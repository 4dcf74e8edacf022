"""``penstock copy``: the one verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.account import print_account
from penstock.cli.env_file import environment_or_file
from penstock.cli.landing import answers_of, is_landing, land_and_show
from penstock.cli.progress import shown
from penstock.cli.using import using
from penstock.model.errors import UsageError
from penstock.model.options import make_plan
from penstock.model.plan import Format, Granularity, Mode

app = typer.Typer()

_READING = "Reading files"
_KEYS = "Keys and modes"
_LANDING = "APIs"
_WRITING = "Writing files"
_ACCOUNT = "Account"
_TABLES = "From table to table"


@app.command()
def copy(  # noqa: PLR0913  # a command's options are its interface
    source: Annotated[
        str, typer.Argument(help="A file, a glob in quotes, - for standard input; a table; s3://bucket/key.")
    ],
    target: Annotated[
        str,
        typer.Argument(
            help="connection:schema.table, made where it does not exist; s3://bucket/prefix/; a directory/."
        ),
    ],
    mode: Annotated[
        Mode, typer.Option(help="append, replace, interval, merge or mirror.", rich_help_panel=_KEYS)
    ] = "append",
    replace: Annotated[
        bool, typer.Option("--replace", help="Same as --mode replace.", rich_help_panel=_KEYS)
    ] = False,
    key: Annotated[
        str,
        typer.Option(
            help="Columns that identify a row: a,b. Default: the primary key.", rich_help_panel=_KEYS
        ),
    ] = "",
    order_by: Annotated[
        str | None,
        typer.Option(help="Among rows of one key the greatest of this wins.", rich_help_panel=_KEYS),
    ] = None,
    interval_column: Annotated[
        str | None, typer.Option(help="With --mode interval: the column.", rich_help_panel=_KEYS)
    ] = None,
    interval_start: Annotated[str | None, typer.Option(help="Included.", rich_help_panel=_KEYS)] = None,
    interval_end: Annotated[str | None, typer.Option(help="Not included.", rich_help_panel=_KEYS)] = None,
    partition: Annotated[
        Granularity,
        typer.Option(help="Size of partitions made as needed: day, month, year.", rich_help_panel=_KEYS),
    ] = "month",
    filter_column: Annotated[
        str | None,
        typer.Option(help="Copy only rows that hold --filter-value here.", rich_help_panel=_READING),
    ] = None,
    filter_value: Annotated[
        str | None, typer.Option(help="The text it must hold.", rich_help_panel=_READING)
    ] = None,
    file_format: Annotated[
        Format, typer.Option("--format", help="auto, csv, jsonl or parquet.", rich_help_panel=_READING)
    ] = "auto",
    delimiter: Annotated[
        str | None, typer.Option(help="Default: , or a tab for .tsv.", rich_help_panel=_READING)
    ] = None,
    quote: Annotated[str, typer.Option(help='"" where nothing is quoted.', rich_help_panel=_READING)] = '"',
    encoding: Annotated[str, typer.Option(help="Of the file.", rich_help_panel=_READING)] = "utf-8",
    header: Annotated[
        str | None,
        typer.Option(help="Column names, for a file without a header: a,b,c.", rich_help_panel=_READING),
    ] = None,
    null: Annotated[
        list[str] | None,
        typer.Option(
            help="Text that means missing, in every column; may be repeated.", rich_help_panel=_READING
        ),
    ] = None,
    date_format: Annotated[
        str | None, typer.Option(help="Of dates that are not ISO: %d/%m/%Y.", rich_help_panel=_READING)
    ] = None,
    columns: Annotated[
        str, typer.Option(help="Only these columns: a,b. Default: all.", rich_help_panel=_TABLES)
    ] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="name=expression: rename or compute at the source; may be repeated.", rich_help_panel=_TABLES
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(help="SQL, or a file of it, whose rows are the source.", rich_help_panel=_TABLES),
    ] = None,
    cursor: Annotated[
        str | None,
        typer.Option(
            help="Read only what is new by this column since last time; xmin: by the server's own count.",
            rich_help_panel=_TABLES,
        ),
    ] = None,
    lookback: Annotated[
        str | None,
        typer.Option(
            help="Look for late rows only so far behind the last cursor: '1 day', 1000.",
            rich_help_panel=_TABLES,
        ),
    ] = None,
    whole_schema: Annotated[
        bool,
        typer.Option(
            "--all", help="All tables of a schema: source:schema target:schema.", rich_help_panel=_TABLES
        ),
    ] = False,
    skip_extra: Annotated[
        bool,
        typer.Option("--skip-extra", help="Leave out columns the table lacks.", rich_help_panel=_READING),
    ] = False,
    fill_missing: Annotated[
        bool,
        typer.Option("--fill-missing", help="NULL for columns the source lacks.", rich_help_panel=_READING),
    ] = False,
    max_rejects: Annotated[
        str | None,
        typer.Option(help="Fail, and load nothing, beyond this: 100 or 0.5%.", rich_help_panel=_ACCOUNT),
    ] = None,
    api_plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="From the lake: take records as this plan says. Default: as the plan that landed them.",
            rich_help_panel=_READING,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            help="From an API: what the answers are for, as an hour or a day.", rich_help_panel=_LANDING
        ),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(help="From an API: name=value for a {name} of the plan.", rich_help_panel=_LANDING),
    ] = None,
    compression: Annotated[
        str | None,
        typer.Option(
            help="zstd (Parquet's default), snappy, gzip or none (CSV's default).", rich_help_panel=_WRITING
        ),
    ] = None,
    max_file_size: Annotated[
        str | None,
        typer.Option(help="Begin another file at this size. Default: 250MB.", rich_help_panel=_WRITING),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            help="Into Snowflake: the external stage that covers the bucket.", rich_help_panel=_WRITING
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Even if this very copy was done before.", rich_help_panel=_ACCOUNT),
    ] = False,
    env: Annotated[
        str | None,
        typer.Option(
            "--env",
            metavar="NAME|FILE",
            callback=environment_or_file,
            help="The environment, as in --env prod, or a file of variables.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the account as JSON.", rich_help_panel=_ACCOUNT)
    ] = False,
) -> None:
    """Copy a file or a table into a table, and account for every row.

    The answers of an API go into the lake, and from there into a table: penstock copy plan.yaml lake:weather

    Bad rows go to quarantine (penstock rejects list). Exit codes: 0 done, 1 failed, 2 usage, 3 too many rejects.

    A table becomes files, in the place of those that were there: penstock copy warehouse:marts.sales s3://lake/sales/

    Example: penstock copy sales.csv warehouse:raw.sales --key sale_id --max-rejects 2%
    """
    if is_landing(source, target):
        with using(env):
            land_and_show(source, target, label=label, values=value or [], again=again, as_json=as_json)
        return
    plan = make_plan(
        source,
        target,
        mode="replace" if replace else mode,
        key=key,
        order_by=order_by,
        interval_column=interval_column,
        interval_start=interval_start,
        interval_end=interval_end,
        partition=partition,
        filter_column=filter_column,
        filter_value=filter_value,
        format=file_format,
        delimiter=delimiter,
        quote=quote or None,
        encoding=encoding,
        header=header,
        null_values=null,
        date_format=date_format,
        skip_extra=skip_extra,
        fill_missing=fill_missing,
        max_rejects=max_rejects,
        compression=compression,
        max_file_size=max_file_size,
        stage=stage,
        columns=columns,
        column=column or (),
        query=_text_of(query),
        cursor=cursor,
        lookback=lookback,
        answers=answers_of(api_plan),
    )
    if whole_schema:
        from penstock.cli.copy_all import copy_all

        with using(env):
            copy_all(plan, again=again, as_json=as_json)
        return
    from penstock import run

    with using(env), shown(quiet=as_json) as progress:
        result = run(plan, again=again, progress=progress)
    if as_json:
        typer.echo(json.dumps(result.to_dict()))
    else:
        print_account(result, plan.target)


def _text_of(query: str | None) -> str | None:
    """A query as it was given, or what is in the file of that name."""
    if query is None or any(letter.isspace() for letter in query.strip()):
        return query
    try:
        return Path(query).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot read {query}: {error.strerror}", hint="give a file, or the SQL itself"
        ) from None
