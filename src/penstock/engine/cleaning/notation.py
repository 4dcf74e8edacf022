"""How people write numbers and dates: rewritten as the server reads them, or marked as invalid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.null_values import Markers
from penstock.engine.cleaning.string_buffers import Mask
from penstock.engine.cleaning.value_errors import Cleaned, Fault, quoted
from penstock.model.contract import Column, Kind
from penstock.model.file_options import FileOptions
from penstock.model.result import Reason

if TYPE_CHECKING:
    from penstock.engine.cleaning.column_cleaners import ColumnCleaner

NUMBERS: Final = frozenset((Kind.INT2, Kind.INT4, Kind.INT8, Kind.FLOAT4, Kind.FLOAT8, Kind.NUMERIC))
DATES: Final = frozenset((Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ))

_SEPARATORS = (r"\.", " ", "\u00a0", "\u202f")
_THOUSANDS = "|".join(f"[1-9][0-9]{{0,2}}(?:{one}[0-9]{{3}})+" for one in _SEPARATORS)
_COMMA = rf"^\s*[+-]?(?:(?:[0-9]+|{_THOUSANDS})(?:,[0-9]*)?|,[0-9]+)\s*$"
_NOT_DIGITS = "[. \u00a0\u202f]"
_POINT = r"^\s*[+-]?[0-9]*\.[0-9]*(?:[eE][+-]?[0-9]+)?\s*$"

_TIME = r"([ T].*)?\s*$"
_NAMED: Final = {  # the parts of a date by order, and where year, month and day are in it
    "dmy": (r"([0-9]{{1,2}}){0}([0-9]{{1,2}}){0}([0-9]{{4}})", r"\3-\2-\1\4"),
    "mdy": (r"([0-9]{{1,2}}){0}([0-9]{{1,2}}){0}([0-9]{{4}})", r"\3-\1-\2\4"),
    "ymd": (r"([0-9]{{4}}){0}([0-9]{{1,2}}){0}([0-9]{{1,2}})", r"\1-\2-\3\4"),
}
_PADDING = ((r"^(....)-(.)-", r"\1-0\2-"), (r"^(....-..)-([0-9])($|[^0-9])", r"\1-0\2\3"))


def comma_numbers(array: pa.Array) -> tuple[pa.Array, Mask]:
    """Numbers with a decimal comma as numbers with a point, and which texts are numbers with a point already.

    Example:
        >>> rewritten, wrong = comma_numbers(pa.array(["1.234,5", "1.5", "x", None], pa.large_string()))
        >>> rewritten.to_pylist(), wrong.tolist()
        (['1234.5', '1.5', 'x', None], [False, True, False, False])
    """
    good = _matches(array, _COMMA)
    wrong = _matches(array, _POINT) & ~good
    if good.any():
        bare = pc.replace_substring_regex(array, _NOT_DIGITS, "")
        array = pc.if_else(pa.array(good), pc.replace_substring(bare, ",", "."), array)
    return array, wrong


def ordered_dates(array: pa.Array, order: str) -> pa.Array:
    """Dates and times whose day, month and year come in this order, in ISO 8601; other texts stay as they are.

    Example:
        >>> ordered_dates(pa.array(["1.12.2013 10:00", "2013-12-01"], pa.large_string()), "dmy").to_pylist()
        ['2013-12-01 10:00', '2013-12-01']
    """
    parts, places = _NAMED[order]
    for mark in (r"\.", "/", "-"):
        pattern = rf"^\s*{parts.format(mark)}{_TIME}"
        found = _matches(array, pattern)
        if found.any():
            iso = pc.replace_substring_regex(array, pattern, places)
            for short, padded in _PADDING:
                iso = pc.replace_substring_regex(iso, short, padded)
            array = pc.if_else(pa.array(found), iso, array)
    return array


def _matches(array: pa.Array, pattern: str) -> Mask:
    found = pc.match_substring_regex(array, pattern).fill_null(fill_value=False)
    mask: Mask = found.to_numpy(zero_copy_only=False)
    return mask


class NotedColumn:
    """A column of numbers or dates that are written as the options say.

    Args:
        inner: Cleans texts as the server reads them; it knows no list of texts that mean NULL.
    """

    def __init__(self, column: Column, inner: ColumnCleaner, options: FileOptions) -> None:
        self.type: pa.DataType = inner.type
        self._inner = inner
        self._markers = Markers(column, options.null_values)
        self._comma = options.decimal_comma and column.kind in NUMBERS
        self._order = options.date_order if column.kind in DATES else None

    def clean(self, array: pa.Array) -> Cleaned:
        """See :class:`penstock.engine.cleaning.column_cleaners.ColumnCleaner`."""
        if self._markers.listed:
            array = self._markers.blank_out(array)
        faults: list[tuple[int, Fault]] = []
        if self._comma:
            array, wrong = comma_numbers(array)
            if wrong.any():
                faults = [(at, _no_comma(array[at].as_py())) for at in np.flatnonzero(wrong).tolist()]
                array = pc.if_else(pa.array(wrong), pa.scalar(None, array.type), array)
        if self._order is not None:
            array = ordered_dates(array, self._order)
        cleaned = self._inner.clean(array)
        known = {at for at, _ in faults}
        return Cleaned(cleaned.values, faults + [one for one in cleaned.faults if one[0] not in known])


def _no_comma(text: str) -> Fault:
    return Fault(Reason.BAD_TYPE, f"invalid number {quoted(text)}: expected a decimal comma")


def needs_notation(column: Column, options: FileOptions) -> bool:
    """Whether the options say how values of this column are written."""
    comma = options.decimal_comma and column.kind in NUMBERS
    return comma or (options.date_order is not None and column.kind in DATES)


def without_list(options: FileOptions) -> FileOptions:
    """The options for the inner column: a list of texts that mean NULL is of texts as they are written."""
    return options if options.null_values is None else replace(options, null_values=())
