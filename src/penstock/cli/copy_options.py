"""The options of ``penstock copy``, by what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option

from penstock.cli.landing import answers_of
from penstock.model.errors import UsageError
from penstock.model.options import AUTO, CopyOptions
from penstock.model.plan import Format, Granularity, Mode

_key = partial(Option, rich_help_panel="Keys and modes")
_reading = partial(Option, rich_help_panel="Reading files")
_table = partial(Option, rich_help_panel="From table to table")
_account = partial(Option, rich_help_panel="Account")
_api = partial(Option, rich_help_panel="APIs")
_writing = partial(Option, rich_help_panel="Writing files")


@dataclass(frozen=True)
class Keys:
    """Which rows of the target the copy is about."""

    mode: Annotated[Mode, _key(help="append, replace, interval, merge or mirror.")] = "append"
    replace: Annotated[bool, _key("--replace", help="Same as --mode replace.")] = False
    key: Annotated[str, _key(help="Columns that identify a row: a,b. Default: the primary key.")] = ""
    order_by: Annotated[str | None, _key(help="Among rows of one key the greatest of this wins.")] = None
    interval_column: Annotated[str | None, _key(help="With --mode interval: the column.")] = None
    interval_start: Annotated[str | None, _key(help="Included.")] = None
    interval_end: Annotated[str | None, _key(help="Not included.")] = None
    partition: Annotated[Granularity, _key(help="Size of partitions made as needed: day, month, year.")] = (
        "month"
    )

    def words(self) -> CopyOptions:
        """What they say of the plan."""
        return {
            "mode": "replace" if self.replace else self.mode,
            "key": self.key,
            "order_by": self.order_by,
            "interval_column": self.interval_column,
            "interval_start": self.interval_start,
            "interval_end": self.interval_end,
            "partition": self.partition,
        }


@dataclass(frozen=True)
class Reading:
    """How the source is read."""

    filter_column: Annotated[str | None, _reading(help="Copy only rows that hold --filter-value here.")] = (
        None
    )
    filter_value: Annotated[str | None, _reading(help="The text it must hold.")] = None
    file_format: Annotated[Format, _reading("--format", help="auto, csv, jsonl, json or parquet.")] = "auto"
    delimiter: Annotated[str, _reading(help="Between fields: ';', '\\t', '\\x01'; auto detects it.")] = AUTO
    quote: Annotated[str, _reading(help='Around fields; "" where nothing is quoted; auto detects it.')] = AUTO
    encoding: Annotated[str, _reading(help="Of the file; auto detects UTF-8, UTF-16 and cp1252.")] = AUTO
    header: Annotated[
        str, _reading(help="yes: the first line names the columns; no: nothing does; a,b,c: these do.")
    ] = AUTO
    skip_rows: Annotated[
        int | None, _reading("--skip-rows", help="Lines before the header that are not part of the table.")
    ] = None
    null: Annotated[
        list[str] | None, _reading(help="Text that means missing, in every column; may be repeated.")
    ] = None
    date_format: Annotated[str | None, _reading(help="Of dates that are not ISO: %d/%m/%Y.")] = None
    skip_extra: Annotated[bool, _reading("--skip-extra", help="Leave out columns the table lacks.")] = False
    fill_missing: Annotated[bool, _reading("--fill-missing", help="NULL for columns the source lacks.")] = (
        False
    )
    api_plan: Annotated[
        Path | None,
        _reading(
            "--plan",
            metavar="FILE",
            help="From the lake: take records as this plan says. Default: as the plan that landed them.",
        ),
    ] = None

    def words(self) -> CopyOptions:
        """What they say of the plan."""
        return {
            "filter_column": self.filter_column,
            "filter_value": self.filter_value,
            "format": self.file_format,
            "delimiter": self.delimiter,
            "quote": self.quote or None,
            "encoding": self.encoding,
            "header": self.header,
            "skip_rows": self.skip_rows,
            "null_values": self.null,
            "date_format": self.date_format,
            "skip_extra": self.skip_extra,
            "fill_missing": self.fill_missing,
            "answers": answers_of(self.api_plan),
        }


@dataclass(frozen=True)
class Tables:
    """What is taken of a table."""

    columns: Annotated[str, _table(help="Only these columns: a,b. Default: all.")] = ""
    column: Annotated[
        list[str] | None,
        _table(help="name=expression: rename or compute at the source; may be repeated."),
    ] = None
    query: Annotated[str | None, _table(help="SQL, or a file of it, whose rows are the source.")] = None
    cursor: Annotated[
        str | None,
        _table(help="Read only what is new by this column since last time; xmin: by the server's own count."),
    ] = None
    lookback: Annotated[
        str | None, _table(help="Look for late rows only so far behind the last cursor: '1 day', 1000.")
    ] = None
    visible_rows_only: Annotated[
        bool,
        _table(
            "--visible-rows-only",
            help="Leave out rows that row security hides from the login, and say so; else that is refused.",
        ),
    ] = False
    whole_schema: Annotated[
        bool, _table("--all", help="All tables of a schema: source:schema target:schema.")
    ] = False

    def words(self) -> CopyOptions:
        """What they say of the plan."""
        return {
            "columns": self.columns,
            "column": self.column or (),
            "query": _text_of(self.query),
            "cursor": self.cursor,
            "lookback": self.lookback,
            "visible_rows_only": self.visible_rows_only,
        }


@dataclass(frozen=True)
class Account:
    """What the account may say, and how it is shown."""

    max_rejects: Annotated[str | None, _account(help="Fail, and load nothing, beyond this: 100 or 0.5%.")] = (
        None
    )
    again: Annotated[bool, _account("--again", help="Even if this very copy was done before.")] = False
    as_json: Annotated[bool, _account("--json", help="Print the account as JSON.")] = False

    def words(self) -> CopyOptions:
        """What they say of the plan."""
        return {"max_rejects": self.max_rejects}


@dataclass(frozen=True)
class Landing:
    """What an API is asked for."""

    label: Annotated[str | None, _api(help="From an API: what the answers are for, as an hour or a day.")] = (
        None
    )
    value: Annotated[list[str] | None, _api(help="From an API: name=value for a {name} of the plan.")] = None
    allow_empty: Annotated[
        bool, _api("--allow-empty", help="From an API: it may have nothing; do not fail without a record.")
    ] = False

    def words(self) -> CopyOptions:
        """What they say of the plan."""
        return {"label": self.label, "values": self.value or (), "allow_empty": self.allow_empty}


@dataclass(frozen=True)
class Writing:
    """How files are written."""

    compression: Annotated[
        str | None, _writing(help="zstd (Parquet's default), snappy, gzip or none (CSV's default).")
    ] = None
    max_file_size: Annotated[
        str | None, _writing(help="Begin another file at this size. Default: 250MB.")
    ] = None
    stage: Annotated[
        str | None, _writing(help="Into Snowflake: the external stage that covers the bucket.")
    ] = None

    def words(self) -> CopyOptions:
        """What they say of the plan."""
        return {
            "compression": self.compression,
            "max_file_size": self.max_file_size,
            "stage": self.stage,
        }


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
