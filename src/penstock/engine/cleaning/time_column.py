"""Checks times of day, which the server parses: it would round them, drop a time zone, or guess."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.null_values import Markers
from penstock.engine.cleaning.string_buffers import BLANKS
from penstock.engine.cleaning.text_column import TextColumn
from penstock.engine.cleaning.to_text import TEXT
from penstock.engine.cleaning.value_errors import Cleaned, Fault, Refused, bad_type, quoted, too_precise
from penstock.model.contract import Column, Kind

_MICROSECONDS = 6
_PLAIN = "^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"
_TIME = re.compile(
    r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.(?P<fraction>[0-9]+))?)?(?: ?[AP]M)?"
    r"(?P<zone> ?(?:Z|UTC|[+-][0-9]{1,2}(?::?[0-9]{2}){0,2}))?",
    re.IGNORECASE,
)


def is_time(column: Column) -> bool:
    """Whether it is a ``time`` or ``timetz`` column."""
    return column.kind is Kind.OTHER and re.match(r"time(?:\(|tz|$| with)", column.type) is not None


class TimeColumn:
    """A ``time`` or ``timetz`` column: exact texts for the server, and the faults."""

    type: pa.DataType = TEXT

    def __init__(self, column: Column, markers: Markers, *, must: bool) -> None:
        self._texts = TextColumn(column, markers, must=must)
        self._zoned = column.type.endswith("with time zone") or column.type.startswith("timetz")
        self._digits = _MICROSECONDS if column.precision is None else column.precision

    def clean(self, array: pa.Array) -> Cleaned:
        """The texts themselves, null where they mean "missing"."""
        cleaned = self._texts.clean(array)
        plain = pc.match_substring_regex(cleaned.values, _PLAIN).fill_null(fill_value=True)
        others = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
        if len(others):
            known = {position for position, _ in cleaned.faults}
            texts = cleaned.values.take(pa.array(others)).to_pylist()
            found = [(at, self._fault(text)) for at, text in zip(others.tolist(), texts, strict=True)]
            cleaned.faults += [(at, fault) for at, fault in found if fault is not None and at not in known]
        return cleaned

    def _fault(self, text: str) -> Fault | None:
        try:
            self._require_exact(text.strip(BLANKS))
        except Refused as refused:
            return refused.fault
        return None

    def _require_exact(self, text: str) -> None:
        match = _TIME.fullmatch(text)
        if match is None:
            raise bad_type(f"invalid time {quoted(text)}: expected HH:MM:SS")
        if match["zone"] and not self._zoned:
            raise bad_type(f"{quoted(text)} has a time zone, but the column has none")
        digits = len((match["fraction"] or "").rstrip("0"))
        if digits > self._digits:
            raise too_precise(text, digits, self._digits)
