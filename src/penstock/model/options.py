"""The options of a copy as users write them, shared by the command line, Python and Airflow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack, cast, get_args

from penstock.model.api import Answers
from penstock.model.checks import as_texts
from penstock.model.errors import UsageError
from penstock.model.file_options import DateOrder, FileOptions, Format
from penstock.model.plan import CopyPlan, Granularity, Interval, Mode, OnChange, Threshold

ShortRows = Literal["reject", "null"]

AUTO = "auto"
_QUOTE = '"'
_ENCODING = "utf-8"
_HEADERS: Mapping[str, tuple[str, ...] | None] = {"auto": None, "yes": None, "no": ()}


class CopyOptions(TypedDict, total=False):
    """Options of a copy, all optional. Names and meanings are those of :class:`CopyPlan` and :class:`FileOptions`;
    values may be texts: ``max_rejects`` is ``"100"`` or ``"0.5%"``, ``key`` and ``columns`` may be
    ``"a,b"``, ``column`` lists computed ones as ``"name=expression"``, ``values`` of an API as ``"name=value"``, and
    ``checks`` are texts as ``"unique:a,b"`` or mappings as ``{"unique": ["a", "b"]}``.
    What is left out of ``delimiter``, ``quote``, ``encoding``, ``header`` and ``skip_rows``, or is ``"auto"``, is
    detected;
    ``header`` may also be ``"yes"`` (the first line names the columns) or ``"no"`` (nothing does).
    """

    mode: Mode
    key: str | Sequence[str]
    order_by: str | None
    interval_column: str | None
    interval_start: str | None
    interval_end: str | None
    filter_column: str | None
    filter_value: str | None
    max_rejects: str | int | None
    skip_extra: bool
    fill_missing: bool
    partition: Granularity
    pipeline: str | None
    task: str | None
    format: Format
    delimiter: str | None
    quote: str | None
    encoding: str | None
    header: str | Sequence[str] | None
    skip_rows: int | None
    comment: str | None
    footer: int | None
    short_rows: ShortRows | None
    decimal_comma: bool
    date_order: DateOrder | None
    null_values: Sequence[str] | None
    date_format: str | None
    sheet: str | None
    answers: Answers | None
    columns: str | Sequence[str]
    column: Sequence[str]
    query: str | None
    cursor: str | None
    lookback: str | None
    compression: str | None
    max_file_size: str | int | None
    stage: str | None
    visible_rows_only: bool
    skip_triggers: bool
    label: str | None
    values: Sequence[str] | Mapping[str, str]
    allow_empty: bool
    checks: str | Sequence[str | Mapping[str, Any]]
    on_change: OnChange
    delete_flag: str | None
    soft_delete: str | None


def make_plan(source: str, target: str, **options: Unpack[CopyOptions]) -> CopyPlan:
    """Make a plan from options.

    Raises:
        UsageError: If they are invalid: an unknown mode, an incomplete interval or filter, an invalid threshold.

    Example:
        >>> make_plan("sales.csv", "warehouse:raw.sales", key="sale_id", max_rejects="2%").key
        ('sale_id',)
    """
    limit = options.get("max_rejects")
    return CopyPlan(
        source=source,
        target=target,
        mode=options.get("mode", "append"),
        key=_names(options.get("key", ())),
        order_by=options.get("order_by"),
        interval=_interval(options),
        where=_where(options),
        file=_file(options),
        max_rejects=None if limit is None else Threshold.parse(str(limit)),
        skip_extra=options.get("skip_extra", False),
        fill_missing=options.get("fill_missing", False),
        partition=options.get("partition", "month"),
        pipeline=options.get("pipeline"),
        task=options.get("task"),
        answers=options.get("answers"),
        columns=_names(options.get("columns", ())),
        computed=tuple(_computed(text) for text in options.get("column", ())),
        query=options.get("query"),
        cursor=options.get("cursor"),
        lookback=options.get("lookback"),
        compression=options.get("compression"),
        max_file_size=_size(options.get("max_file_size")),
        stage=options.get("stage"),
        visible_rows_only=options.get("visible_rows_only", False),
        skip_triggers=options.get("skip_triggers", False),
        label=options.get("label"),
        values=_values(options.get("values", ())),
        allow_empty=options.get("allow_empty", False),
        checks=as_texts(options.get("checks", ())),
        on_change=options.get("on_change", "fail"),
        delete_flag=options.get("delete_flag"),
        soft_delete=options.get("soft_delete"),
    )


def _file(options: CopyOptions) -> FileOptions:
    """How to read a file; what is left open, or said to be ``auto``, is detected."""
    delimiter, encoding = _given(options.get("delimiter")), _given(options.get("encoding"))
    quote = options.get("quote", AUTO)
    header = options.get("header")
    skip_rows = options.get("skip_rows")
    null_values = options.get("null_values")
    said = isinstance(header, str) and header.strip().lower() in _HEADERS
    names = _HEADERS[str(header).strip().lower()] if said else None if header is None else _names(header)
    fixed = {
        "quote": quote == _QUOTE,
        "encoding": encoding == _ENCODING,
        "header": header == "yes",
        "skip_rows": skip_rows == 0,
    }
    return FileOptions(
        format=options.get("format", "auto"),
        delimiter=delimiter,
        quote=_QUOTE if quote == AUTO else quote,
        encoding=encoding or _ENCODING,
        header=names,
        null_values=None if null_values is None else tuple(null_values),
        date_format=options.get("date_format"),
        skip_rows=skip_rows or 0,
        sheet=options.get("sheet"),
        comment=options.get("comment"),
        footer=options.get("footer"),
        decimal_comma=options.get("decimal_comma", False),
        date_order=options.get("date_order"),
        short_rows=_short_rows(options.get("short_rows")),
        fixed=tuple(name for name, value in fixed.items() if value),
    )


def _short_rows(text: str | None) -> Literal["null"] | None:
    if text not in (None, *get_args(ShortRows)):
        raise UsageError(f"invalid short rows {text!r}", hint=f"one of {', '.join(get_args(ShortRows))}")
    return "null" if text == "null" else None


def _given(text: str | None) -> str | None:
    return None if text == AUTO else text


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def _computed(text: str) -> tuple[str, str]:
    name, sign, expression = text.partition("=")
    if not (name.strip() and sign and expression.strip()):
        raise UsageError(
            f"invalid column {text!r}", hint="write it as name=expression, such as price=price::numeric"
        )
    return name.strip(), expression.strip()


def _values(given: Sequence[str] | Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if isinstance(given, Mapping):
        return tuple((name, str(value)) for name, value in given.items())
    pairs = []
    for text in given:
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise UsageError(f"invalid value {text!r}", hint="write it as name=value")
        pairs.append((name, value))
    return tuple(pairs)


def _interval(options: CopyOptions) -> Interval | None:
    parts = [options.get(name) for name in ("interval_column", "interval_start", "interval_end")]
    if not any(parts):
        return None
    if not all(parts):
        raise UsageError(
            "incomplete interval", hint="give --interval-column, --interval-start and --interval-end"
        )
    column, start, end = cast("list[str]", parts)
    return Interval(column=column, start=start, end=end)


def _where(options: CopyOptions) -> tuple[str, str] | None:
    column, value = options.get("filter_column"), options.get("filter_value")
    if column is None and value is None:
        return None
    if column is None or value is None:
        raise UsageError("incomplete filter", hint="give --filter-column and --filter-value")
    return column, value


def _size(value: str | int | None) -> int | None:
    """Bytes, as in ``"250MB"``; a kilobyte is 1000 bytes, a kibibyte (``KiB``) 1024."""
    if value is None or isinstance(value, int):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*([KMG]?)(i?)B?\s*", value, re.IGNORECASE)
    if match is None or not int(match[1]):
        raise UsageError(f"invalid size {value!r}", hint="write it as 250MB or 64MiB")
    unit: int = (1024 if match[3] else 1000) ** " KMG".index(match[2].upper() or " ")
    return int(match[1]) * unit
