"""Parses dates: ISO 8601 or the plan's format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import numpy as np
import pyarrow as pa

from penstock.engine.cleaning.string_buffers import Ints, Mask, Storage, Texts, Words, fixed_width
from penstock.engine.cleaning.value_errors import Beyond, bad_type, quoted

EPOCH: Final = date(1970, 1, 1).toordinal()
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_ISO_LENGTH = 10
_SERVERS = re.compile(
    r"[+-]?infinity|[0-9]{5,}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2} BC", re.IGNORECASE
)
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")

# `YYYY-MM-` and `YY-MM-DD` as words, the first character in the lowest byte.
_YEAR_MONTH = np.uint64(0x2D30302D30303030)
_OVER_NINE = np.uint64(0x0076760076767676)
_DASHES = np.uint64(0xFF0000FF00000000)
_HIGH_BITS = np.uint64(0x8080808080808080)
_BYTE = np.uint64(0xFF)


def _month_starts() -> Ints:
    """Days since 1970 at the start of each month, from January of year 0 on."""
    months = np.arange("0001-01", "10000-02", dtype="datetime64[M]")
    starts: Ints = months.astype("datetime64[D]").astype(np.int64)
    return np.concatenate((np.full(12, starts[0]), starts))


_MONTH_STARTS: Final = _month_starts()


def iso_days(texts: Texts) -> tuple[Ints, Mask]:
    """Days since 1970 of the dates at the start of texts, and which are valid. Shorter texts give undefined results."""
    word = texts.words(texts.starts) ^ _YEAR_MONTH
    good: Mask = (((word + _OVER_NINE) | word) & _HIGH_BITS | (word & _DASHES)) == 0
    pairs: Words = word * np.uint64(10) + (word >> np.uint64(8))
    year = (pairs & _BYTE) * np.uint64(100) + ((pairs >> np.uint64(16)) & _BYTE)
    month = (pairs >> np.uint64(40)) & _BYTE
    day, fine = two_digits(texts, texts.starts + 8)
    good &= fine
    good &= (month >= 1) & (month <= 12)
    months = (year * np.uint64(12) + month).astype(np.int64) - 1
    months[~good] = 0
    first = _MONTH_STARTS[months]
    good &= (day >= 1) & (day <= _MONTH_STARTS[months + 1] - first)
    return first + day - 1, good


def two_digits(texts: Texts, at: Ints) -> tuple[Ints, Mask]:
    """The two-digit numbers at these offsets, and which are digits."""
    tens, ones = (texts.data[at + place].astype(np.int64) - ord("0") for place in (0, 1))
    good = (tens >= 0) & (tens <= 9) & (ones >= 0) & (ones <= 9)
    return tens * 10 + ones, good


class Dates:
    """``date``.

    Args:
        date_format: ``strptime`` format; None means ISO 8601.
    """

    type: pa.DataType = pa.date32()

    def __init__(self, date_format: str | None) -> None:
        self._format = date_format

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Parse texts of ten characters by arithmetic on words."""
        if self._format is not None:
            return np.zeros(len(texts), np.int32), np.zeros(len(texts), np.bool_)
        days, good = iso_days(texts)
        return days.astype(np.int32), good & (texts.lengths == _ISO_LENGTH)

    def slow(self, text: str) -> int:
        """Parse one text, or raise the reason why it is invalid."""
        if beyond_dates(text):
            raise Beyond
        if self._format is not None:
            return _formatted(text, self._format).toordinal() - EPOCH
        match = _ISO.fullmatch(text)
        if match is None:
            raise bad_type(f"invalid date {quoted(text)}: expected YYYY-MM-DD")
        return real_day(text, match)

    def pack(self, values: Sequence[int]) -> Storage:
        """Days."""
        return np.array(values, np.int32)

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """Build the array without copying."""
        return fixed_width(self.type, storage, valid)


def beyond_dates(text: str) -> bool:
    """Whether the server may accept this date although Arrow cannot hold it: infinity, years before 1 or above 9999."""
    return _SERVERS.fullmatch(text) is not None


def real_day(text: str, match: re.Match[str]) -> int:
    """Days since 1970 of the year, month and day in the first three groups.

    Raises:
        Refused: If the calendar does not have this day.
    """
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).toordinal() - EPOCH
    except ValueError as error:
        raise bad_type(f"invalid date {quoted(text)}: {error}") from None


def _formatted(text: str, date_format: str) -> date:
    try:
        moment = datetime.strptime(text, date_format)  # noqa: DTZ007 - a date has no zone
    except ValueError:
        raise bad_type(f"invalid date {quoted(text)}: expected {date_format}") from None
    if _bare(moment.strftime(date_format)) != _bare(text) or moment != datetime(
        moment.year, moment.month, moment.day, tzinfo=moment.tzinfo
    ):
        raise bad_type(f"invalid date {quoted(text)}: expected {date_format}")
    return moment.date()


def _bare(text: str) -> str:
    return _LEADING_ZEROS.sub("", text).casefold()
