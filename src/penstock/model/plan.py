"""What is to be copied, from where, to where and how: one frozen, serialisable value."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from penstock.model.api import Answers
from penstock.model.errors import TooManyRejects, UsageError
from penstock.model.file_options import FileOptions
from penstock.model.plurals import counted

Mode = Literal["append", "replace", "interval", "merge", "mirror"]
Granularity = Literal["day", "month", "year"]
OnChange = Literal["fail", "add", "widen", "follow"]

_ALL_PERCENT = 100

_LATER = (
    "columns",
    "computed",
    "query",
    "cursor",
    "lookback",
    "answers",
    "compression",
    "max_file_size",
    "stage",
    "visible_rows_only",
    "skip_triggers",
    "label",
    "values",
    "allow_empty",
    "checks",
    "delete_flag",
    "soft_delete",
)
_LATER_OF_FILES = (
    "skip_rows",
    "fixed",
    "detected",
    "renamed",
    "orders",
    "binary",
    "sheet",
    "comment",
    "short_rows",
    "decimal_comma",
    "date_order",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A half-open stretch of one column's values: ``start <= column < end``, as the database reads the texts."""

    column: str
    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """How many rejected rows a copy survives: a count, or a share of the rows read.

    Example:
        >>> Threshold.parse("2%").exceeded(rejected=3, read=100)
        True
        >>> Threshold.parse("5").exceeded(rejected=5, read=100)
        False
    """

    count: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, text: str) -> Threshold:
        """Read ``N`` or ``N%``.

        Raises:
            UsageError: If the text is neither.
        """
        match = re.fullmatch(r"\s*(\d+)\s*|\s*(\d+(?:\.\d+)?)\s*%\s*", text)
        if match is None:
            raise UsageError(f"invalid threshold {text!r}", hint="use a count (100) or a rate (0.5%)")
        if match[1] is not None:
            return cls(count=int(match[1]))
        return cls(percent=float(match[2]))

    def exceeded(self, *, rejected: int, read: int) -> bool:
        """Whether this number of rejects exceeds the threshold."""
        if self.count is not None:
            return rejected > self.count
        return self.percent is not None and rejected * 100 > self.percent * read

    @property
    def allows_all(self) -> bool:
        """Whether every row may be rejected: only a share says so, a count may be meant for a larger source.

        Example:
            >>> Threshold.parse("100%").allows_all, Threshold.parse("100").allows_all
            (True, False)
        """
        return self.percent is not None and self.percent >= _ALL_PERCENT

    def enforce(self, *, rejected: int, read: int, examples: Iterable[str]) -> None:
        """Raise an error if this number of rejects exceeds the threshold.

        Args:
            examples: A line each on a few of them.

        Raises:
            TooManyRejects: With the examples.
        """
        if self.exceeded(rejected=rejected, read=read):
            shown = "".join(f"\n  {example}" for example in examples)
            raise TooManyRejects(
                f"{rejected} of {counted(read, 'row')} rejected, {self} allowed; nothing was loaded{shown}",
                hint="fix the source, or allow more with --max-rejects",
            )

    def __str__(self) -> str:
        return str(self.count) if self.count is not None else f"{self.percent:g}%"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPlan:
    """One copy, wholly described. Two equal plans over equal input are the same copy.

    Args:
        source: A path, a glob, ``-`` for standard input, or an address (:mod:`penstock.model.address`).
        target: ``connection:schema.table``, or the address of objects.
        mode: ``append``; ``replace``; ``interval`` (replace the rows of one interval); ``merge`` (upsert on the key);
            ``mirror`` (merge, and delete what the source lacks; from table to table only).
        key: Columns that identify a row; empty means the target's primary key, if it has one.
        order_by: Column whose greatest value wins among rows of one key.
        interval: The stretch that mode ``interval`` replaces.
        where: ``(column, value)``: copy only rows whose source column holds this text.
        file: How to read files.
        max_rejects: More rejected rows than this fail the copy. With None, and with a count, only a copy fails whose
            every row is rejected; 100 % allows that too.
        skip_extra: Leave out columns that the target lacks, instead of refusing.
        fill_missing: Load NULL for nullable columns that the source lacks, instead of refusing.
        partition: Size of the partitions that are made as rows need them, where the target is partitioned by a date.
        pipeline: Name of the pipeline (an Airflow DAG) that owns this copy, part of its identity.
        task: Name of its task.
        answers: From the lake: how records are taken from answers; None means as the plan that landed them says.
        columns: Columns of a table or query to copy; empty means all.
        computed: ``(name, expression)``: further columns, each made by an SQL expression at the source. One that has
            the name of a column of the source takes its place.
        query: SQL whose rows are the source, in the database that ``source`` names.
        cursor: Column by which only rows are read that are new since the last such copy; ``xmin`` goes by the
            server's own numbers of transactions.
        lookback: How far behind the last copy's greatest cursor changed rows are looked for, as an interval or number.
        compression: Of written files: ``zstd``, ``snappy``, ``gzip`` or ``none``; None is the format's own choice.
        stage: Into Snowflake: the external stage that covers the bucket, such as ``daily_operations.s3_stage``.
        label: From an API: what the answers are for, as an hour or a day.
        values: From an API: ``(name, value)`` for the placeholders of its plan.
        allow_empty: From an API: it may have nothing; do not fail if no answer holds a record.
        max_file_size: Bytes at which a written file is ended and the next begun.
        checks: What must hold for the table after the copy, as texts; see :class:`penstock.model.checks.TableCheck`.
        visible_rows_only: Leave out the rows of Postgres tables that row security hides from the login, at the source
            and at the target, instead of refusing. The account then is of the visible rows, and says so.
        on_change: What happens to an existing table whose source has changed: ``fail``; ``add`` new columns; also
            ``widen`` types; or ``follow``, which also drops columns that the source no longer has.
        delete_flag: In mode ``merge``: rows in which this boolean column is true are deleted at the target, not loaded.
        soft_delete: In mode ``merge``, from table to table: the target's own column that marks rows that the source
            no longer has.
    """

    source: str
    target: str
    mode: Mode = "append"
    key: tuple[str, ...] = ()
    order_by: str | None = None
    interval: Interval | None = None
    where: tuple[str, str] | None = None
    file: FileOptions = field(default_factory=FileOptions)
    max_rejects: Threshold | None = None
    skip_extra: bool = False
    fill_missing: bool = False
    partition: Granularity = "month"
    pipeline: str | None = None
    task: str | None = None
    answers: Answers | None = None
    columns: tuple[str, ...] = ()
    computed: tuple[tuple[str, str], ...] = ()
    query: str | None = None
    cursor: str | None = None
    lookback: str | None = None
    compression: str | None = None
    max_file_size: int | None = None
    stage: str | None = None
    visible_rows_only: bool = False
    skip_triggers: bool = False
    label: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    allow_empty: bool = False
    checks: tuple[str, ...] = ()
    on_change: OnChange = "fail"
    delete_flag: str | None = None
    soft_delete: str | None = None

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise UsageError(f"no mode {self.mode!r}", hint=f"one of {', '.join(get_args(Mode))}")
        if (self.mode == "interval") != (self.interval is not None):
            raise UsageError(
                "mode interval and an interval belong together",
                hint="--mode interval --interval-column C --interval-start A --interval-end B",
            )
        if (self.delete_flag or self.soft_delete) and self.mode != "merge" and self.cursor is None:
            raise UsageError(
                "--delete-flag and --soft-delete apply to --mode merge and --cursor", hint="use --mode merge"
            )
        if self.on_change not in get_args(OnChange):
            raise UsageError(
                f"invalid value {self.on_change!r} of on_change",
                hint=f"one of {', '.join(get_args(OnChange))}",
            )
        if self.on_change != "fail" and self.skip_extra:
            raise UsageError(
                "--skip-extra leaves new columns out, and --on-change adds them", hint="use one of them"
            )

    def to_json(self) -> str:
        """The plan as canonical JSON: equal plans give equal text."""
        fields = dataclasses.asdict(self)
        for name in _LATER:
            # Left out where they say nothing, so that a copy keeps the identity it had before there was such a field.
            if not fields[name]:
                del fields[name]
        if self.on_change == "fail":
            del fields["on_change"]
        for name in _LATER_OF_FILES:
            if not fields["file"][name]:
                del fields["file"][name]
        if self.file.footer is None:  # 0 says something
            del fields["file"]["footer"]
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> CopyPlan:
        """The plan that :meth:`to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        fields.pop("changes", None)  # of the copy, which the ledger keeps beside its plan
        file = fields["file"]
        for name in ("header", "null_values"):
            file[name] = None if file[name] is None else tuple(file[name])
        for name in ("fixed", "detected"):
            file[name] = tuple(file.get(name, ()))
        for name in ("renamed", "binary"):
            file[name] = tuple((column, value) for column, value in file.get(name, ()))
        file["orders"] = tuple((name, tuple(columns)) for name, columns in file.get("orders", ()))
        fields["file"] = FileOptions(**file)
        fields["key"] = tuple(fields["key"])
        fields["columns"] = tuple(fields.get("columns", ()))
        fields["checks"] = tuple(fields.get("checks", ()))
        fields["values"] = tuple((name, value) for name, value in fields.get("values", ()))
        fields["computed"] = tuple((name, text) for name, text in fields.get("computed", ()))
        if (answers := fields.get("answers")) is not None:
            columns = tuple((name, path) for name, path in answers["columns"])
            fields["answers"] = Answers(records=answers["records"], columns=columns)
        fields["where"] = None if fields["where"] is None else tuple(fields["where"])
        fields["interval"] = None if fields["interval"] is None else Interval(**fields["interval"])
        fields["max_rejects"] = None if fields["max_rejects"] is None else Threshold(**fields["max_rejects"])
        return cls(**fields)
