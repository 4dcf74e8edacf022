"""The options of ``penstock copy``, by topic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option

from penstock.cli.account import answers_of
from penstock.model.errors import UsageError
from penstock.model.file_options import DateOrder, Format
from penstock.model.options import AUTO, CopyOptions, ShortRows
from penstock.model.plan import Granularity, Mode, OnChange

_key = partial(Option, rich_help_panel="Keys and modes")
_reading = partial(Option, rich_help_panel="Reading files")
_table = partial(Option, rich_help_panel="From table to table")
_account = partial(Option, rich_help_panel="Account")
_api = partial(Option, rich_help_panel="APIs")
_writing = partial(Option, rich_help_panel="Writing files")


@dataclass(frozen=True)
class Keys:
    """Modes, keys and intervals."""

    mode: Annotated[
        Mode, _key(help="append, replace, interval, merge (upsert by key) or mirror (merge and delete).")
    ] = "append"
    replace: Annotated[bool, _key("--replace", help="Same as --mode replace.")] = False
    key: Annotated[str, _key(help="Columns that identify a row: a,b. Default: the primary key.")] = ""
    order_by: Annotated[
        str | None, _key(help="Of rows with equal keys, keep the one with the greatest value here.")
    ] = None
    interval_column: Annotated[str | None, _key(help="With --mode interval: the column of the interval.")] = (
        None
    )
    interval_start: Annotated[str | None, _key(help="Start of the interval, included.")] = None
    interval_end: Annotated[str | None, _key(help="End of the interval, not included.")] = None
    partition: Annotated[
        Granularity, _key(help="Create missing partitions of this size: day, month or year.")
    ] = "month"
    on_change: Annotated[
        OnChange,
        _key(
            "--on-change",
            help="If the source has new columns or types: fail, add columns, widen types too, "
            "or follow (drop columns too).",
        ),
    ] = "fail"
    delete_flag: Annotated[
        str | None, _key("--delete-flag", help="merge: delete rows in which this boolean column is true.")
    ] = None
    soft_delete: Annotated[
        str | None,
        _key(
            "--soft-delete", help="merge: the target's column that marks rows that the source no longer has."
        ),
    ] = None

    def words(self) -> CopyOptions:
        """The fields of the plan that these options set."""
        return {
            "mode": "replace" if self.replace else self.mode,
            "key": self.key,
            "order_by": self.order_by,
            "interval_column": self.interval_column,
            "interval_start": self.interval_start,
            "interval_end": self.interval_end,
            "partition": self.partition,
            "on_change": self.on_change,
            "delete_flag": self.delete_flag,
            "soft_delete": self.soft_delete,
        }


@dataclass(frozen=True)
class Reading:
    """How files are read."""

    filter_column: Annotated[
        str | None, _reading(help="Copy only rows whose value in this column is --filter-value.")
    ] = None
    filter_value: Annotated[str | None, _reading(help="The text that the filter column must hold.")] = None
    file_format: Annotated[Format, _reading("--format", help="auto, csv, jsonl, json, parquet or excel.")] = (
        "auto"
    )
    delimiter: Annotated[str, _reading(help="Field separator: ';', '\\t', '\\x01'. auto detects it.")] = AUTO
    quote: Annotated[
        str, _reading(help='Quote character; "" if fields are never quoted; auto detects it.')
    ] = AUTO
    encoding: Annotated[
        str, _reading(help="Encoding of the file; auto detects UTF-8, UTF-16 and cp1252.")
    ] = AUTO
    header: Annotated[
        str, _reading(help="yes: the first line names the columns; no: it is a row; a,b,c: the names.")
    ] = AUTO
    skip_rows: Annotated[
        int | None, _reading("--skip-rows", help="Lines before the header that are not part of the table.")
    ] = None
    comment: Annotated[str | None, _reading(help="Lines that begin with this text are not rows: '#'.")] = None
    footer: Annotated[
        int | None,
        _reading(help="Lines at the end that are not part of the table; 0: none looks like a footer."),
    ] = None
    short_rows: Annotated[
        ShortRows,
        _reading(help="Rows with fewer fields than the header: reject, or null in the missing ones."),
    ] = "reject"
    null: Annotated[list[str] | None, _reading(help="Text that means NULL, in every column. Repeatable.")] = (
        None
    )
    date_format: Annotated[
        str | None, _reading(help="strptime format of dates that are not ISO: %d/%m/%Y.")
    ] = None
    decimal_comma: Annotated[
        bool, _reading("--decimal-comma", help="Numbers are written 1.234,56 or 1 234,56.")
    ] = False
    date_order: Annotated[
        DateOrder | None,
        _reading(help="Dates are written 31.12.2013 (dmy), 12/31/2013 (mdy) or 2013/12/31 (ymd)."),
    ] = None
    sheet: Annotated[
        str | None, _reading(help="Sheet of a workbook. Default: the only one with content.")
    ] = None
    skip_extra: Annotated[bool, _reading("--skip-extra", help="Skip columns that the table lacks.")] = False
    fill_missing: Annotated[
        bool, _reading("--fill-missing", help="Load NULL into columns that the source lacks.")
    ] = False
    api_plan: Annotated[
        Path | None,
        _reading(
            "--plan",
            metavar="FILE",
            help="From the lake: read records by this plan. Default: the plan of the landing.",
        ),
    ] = None

    def words(self) -> CopyOptions:
        """The fields of the plan that these options set."""
        return {
            "filter_column": self.filter_column,
            "filter_value": self.filter_value,
            "format": self.file_format,
            "delimiter": self.delimiter,
            "quote": self.quote or None,
            "encoding": self.encoding,
            "header": self.header,
            "skip_rows": self.skip_rows,
            "comment": self.comment,
            "footer": self.footer,
            "short_rows": self.short_rows,
            "null_values": self.null,
            "date_format": self.date_format,
            "decimal_comma": self.decimal_comma,
            "date_order": self.date_order,
            "sheet": self.sheet,
            "skip_extra": self.skip_extra,
            "fill_missing": self.fill_missing,
            "answers": answers_of(self.api_plan),
        }


@dataclass(frozen=True)
class Tables:
    """Which rows and columns of a table are copied."""

    columns: Annotated[str, _table(help="Copy only these columns: a,b. Default: all.")] = ""
    column: Annotated[
        list[str] | None,
        _table(help="name=expression: rename, or compute at the source. Repeatable."),
    ] = None
    query: Annotated[
        str | None,
        _table(help="Copy the rows of this query (SQL or a file); the source is then connection: alone."),
    ] = None
    cursor: Annotated[
        str | None,
        _table(help="Read only rows that are new by this column; xmin: by transaction number."),
    ] = None
    lookback: Annotated[
        str | None, _table(help="How far behind the last cursor late rows are looked for: '1 day', 1000.")
    ] = None
    visible_rows_only: Annotated[
        bool,
        _table(
            "--visible-rows-only",
            help="Skip rows that row security hides from the login, instead of failing.",
        ),
    ] = False
    skip_triggers: Annotated[
        bool, _table("--skip-triggers", help="Do not fire the target's triggers; needs the table's owner.")
    ] = False
    whole_schema: Annotated[
        bool, _table("--all", help="Copy all tables of a schema: source:schema target:schema.")
    ] = False
    include: Annotated[
        list[str] | None, _table(help="With --all: only tables that match this glob. Repeatable.")
    ] = None
    exclude: Annotated[
        list[str] | None, _table(help="With --all: no tables that match this glob. Repeatable.")
    ] = None
    mode_for: Annotated[
        list[str] | None, _table(help="With --all: the mode of some tables: 'log_*=append'. Repeatable.")
    ] = None
    keep_going: Annotated[
        bool, _table("--keep-going", help="With --all: copy the other tables if one fails.")
    ] = False

    @property
    def selects(self) -> bool:
        """Whether there are options that apply to ``--all`` only."""
        return bool(self.include or self.exclude or self.mode_for or self.keep_going)

    def words(self) -> CopyOptions:
        """The fields of the plan that these options set."""
        return {
            "columns": self.columns,
            "column": self.column or (),
            "query": _text_of(self.query),
            "cursor": self.cursor,
            "lookback": self.lookback,
            "visible_rows_only": self.visible_rows_only,
            "skip_triggers": self.skip_triggers,
        }


@dataclass(frozen=True)
class Account:
    """Limits of the account, and how it is printed."""

    max_rejects: Annotated[
        str | None, _account(help="Load nothing and fail beyond this many rejects: 100 or 0.5%.")
    ] = None
    check: Annotated[
        list[str] | None,
        _account(
            help="Fail and load nothing unless this holds for the table: not_null:a, unique:a,b, accepted:a=x,y, "
            "fresh:a=1 day, volume:50%-200%. warn: before it only warns. Repeatable."
        ),
    ] = None
    again: Annotated[bool, _account("--again", help="Copy even if the same copy was done before.")] = False
    as_json: Annotated[bool, _account("--json", help="Print the account as JSON.")] = False

    def words(self) -> CopyOptions:
        """The fields of the plan that these options set."""
        return {"max_rejects": self.max_rejects, "checks": self.check or ()}


@dataclass(frozen=True)
class Landing:
    """What is requested from an API."""

    label: Annotated[str | None, _api(help="From an API: what the answers are for, such as 2013-02-01.")] = (
        None
    )
    value: Annotated[
        list[str] | None, _api(help="From an API: name=value for {name} in the plan. Repeatable.")
    ] = None
    allow_empty: Annotated[
        bool, _api("--allow-empty", help="From an API: do not fail if no answer holds a record.")
    ] = False

    def words(self) -> CopyOptions:
        """The fields of the plan that these options set."""
        return {"label": self.label, "values": self.value or (), "allow_empty": self.allow_empty}


@dataclass(frozen=True)
class Writing:
    """How files are written."""

    compression: Annotated[
        str | None, _writing(help="zstd (default of Parquet), snappy, gzip or none (default of CSV).")
    ] = None
    max_file_size: Annotated[
        str | None, _writing(help="Start another file at this size. Default: 250MB.")
    ] = None
    stage: Annotated[str | None, _writing(help="Into Snowflake: the external stage for the bucket.")] = None

    def words(self) -> CopyOptions:
        """The fields of the plan that these options set."""
        return {
            "compression": self.compression,
            "max_file_size": self.max_file_size,
            "stage": self.stage,
        }


def _text_of(query: str | None) -> str | None:
    """The query as given, or the contents of the file of that name."""
    if query is None or any(letter.isspace() for letter in query.strip()):
        return query
    try:
        return Path(query).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot read '{query}': {error.strerror}", hint="give a file, or the SQL itself"
        ) from None
