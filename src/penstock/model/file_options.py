"""How a file is read: one frozen, serialisable value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from penstock.model.errors import UsageError

Format = Literal["auto", "csv", "jsonl", "json", "parquet", "excel"]
DateOrder = Literal["dmy", "mdy", "ymd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    r"""How to read a file.

    Args:
        format: ``auto`` goes by the file's content, and by its name where the content says nothing. ``jsonl`` is one
            object a line; ``json`` an array of objects, or objects one after another.
        delimiter: One byte between fields; None detects it: a tab for ``.tsv`` and a comma otherwise, unless the
            content says something else.
        quote: One byte around a field that holds delimiters or newlines; None where nothing is quoted.
        encoding: Any encoding Python knows; a byte order mark is stepped over.
        header: Column names for a file without a header line; empty for ``column_1``, ``column_2`` and so on; None
            where the first line names them, or is found not to.
        null_values: Texts that mean "missing", compared without surrounding blanks, in every column. None is
            the safe default: an unquoted empty field everywhere, and in columns that are not text also blanks
            and ``NULL``, ``None``, ``NA``, ``N/A`` and ``\\N``, which are not values there.
        date_format: ``strptime`` format of dates that are not ISO 8601.
        skip_rows: Lines before the header, or before the first row, that do not belong to the table.
        comment: Lines that begin with this text are not rows.
        footer: Lines at the end of each file that do not belong to the table; blank lines do not count. With None,
            rows at the end that look like a footer are rejected; with 0 they are rows.
        short_rows: ``null``: a row with fewer fields than the header has NULL in the missing ones. None rejects it.
        decimal_comma: Numbers have a decimal comma, and points or blanks between thousands: ``1.234,56``.
        date_order: In which order dates have day, month and year: ``31.12.2013``; ISO 8601 counts always.
        fixed: Which of ``quote``, ``encoding``, ``header`` and ``skip_rows`` were given with their default value, and
            are not detected.
        detected: Which fields have their value from the content.
        renamed: Columns that have another name than in the file's header: ``(name, name in the header)``.
        orders: Files whose columns have another order than the first file's, each with its columns.
        binary: Columns of bytes in Parquet, each with the bytes of a value, or 0 where that varies.
        sheet: Which sheet of a workbook; None means the only visible one with content.
    """

    format: Format = "auto"
    delimiter: str | None = None
    quote: str | None = '"'
    encoding: str = "utf-8"
    header: tuple[str, ...] | None = None
    null_values: tuple[str, ...] | None = None
    date_format: str | None = None
    skip_rows: int = 0
    fixed: tuple[str, ...] = ()
    detected: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    orders: tuple[tuple[str, tuple[str, ...]], ...] = ()
    binary: tuple[tuple[str, int], ...] = ()
    sheet: str | None = None
    comment: str | None = None
    footer: int | None = None
    short_rows: Literal["null"] | None = None
    decimal_comma: bool = False
    date_order: DateOrder | None = None

    def __post_init__(self) -> None:
        if self.date_order not in (None, *get_args(DateOrder)):
            raise UsageError(
                f"invalid date order {self.date_order!r}", hint=f"one of {', '.join(get_args(DateOrder))}"
            )
        if self.date_order is not None and self.date_format is not None:
            raise UsageError(
                "dates have a format and an order", hint="leave out --date-format or --date-order"
            )
        for count, what in (
            (self.skip_rows, "skip no rows, or some"),
            (self.footer or 0, "use 0 or more lines"),
        ):
            if count < 0:
                raise UsageError(f"invalid number of rows {count}", hint=what)

    @property
    def findings(self) -> dict[str, Any]:
        """What was detected, by the name of the option that would say the same.

        Example:
            >>> FileOptions(delimiter=";", detected=("delimiter",)).findings
            {'delimiter': ';'}
        """
        found = {name: getattr(self, name) for name in self.detected}
        if "header" in found:
            found["header"] = "no"
        if self.renamed:
            found["renamed"] = dict(self.renamed)
        return found
