"""Parses timestamps with and without time zone: ISO 8601, exact to the microsecond."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from penstock.engine.cleaning.dates import iso_days, real_day, two_digits
from penstock.engine.cleaning.string_buffers import Bytes, Ints, Mask, Storage, Texts, fixed_width
from penstock.engine.cleaning.value_errors import Beyond, bad_type, quoted, too_precise

_ISO: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
# Infinity, years above 9999 and years before 1, with the same groups from the fraction on.
_SERVERS: Final = re.compile(
    r"[+-]?infinity|(?:[0-9]{5,}|(?=.* BC$)[0-9]{4})-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.(?P<fraction>[0-9]+))?)?"
    r"(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?(?: BC)?",
    re.IGNORECASE,
)
SECOND = 1_000_000
_DAY_S = 86_400
_MICROSECONDS = 6
_DATE, _TO_MINUTES, _TO_SECONDS = 10, 16, 19  # lengths
_ZONE_HOURS = 15  # the server's greatest offset is 15:59
_POWERS: Ints = np.array([10**n for n in range(_MICROSECONDS + 1)], np.int64)


class Moments:
    """``timestamp`` and ``timestamptz``.

    In a column with time zone, a value without one is read as UTC. In a column without, a value with a time zone is
    a fault, because it is ambiguous.

    Args:
        precision: Fraction digits of a second; None means microseconds. A value with more is a fault.
    """

    def __init__(self, *, zoned: bool, precision: int | None = None) -> None:
        self.type: pa.DataType = pa.timestamp("us", "UTC" if zoned else None)
        self._zoned = zoned
        self._digits = _MICROSECONDS if precision is None else precision
        self._step = 10 ** (_MICROSECONDS - self._digits)

    def fast(self, texts: Texts) -> tuple[Storage, Mask]:
        """Date and time by arithmetic on whole columns; fractions and zones only for rows that have them."""
        days, good = iso_days(texts)
        number = days * (_DAY_S * SECOND)
        lengths = texts.lengths
        good &= (lengths == _DATE) | (lengths == _TO_MINUTES) | (lengths >= _TO_SECONDS)
        timed = np.flatnonzero(good & (lengths > _DATE))
        if len(timed):
            seconds, fine = _seconds(texts, timed)
            number[timed] += seconds * SECOND
            good[timed] = fine
        tailed = np.flatnonzero(good & (lengths > _TO_SECONDS))
        if len(tailed):
            shift, fine = self._tail(texts, tailed)
            number[tailed] += shift
            good[tailed] = fine if self._step == 1 else fine & (shift % self._step == 0)
        return number, good

    def _tail(self, texts: Texts, rows: Ints) -> tuple[Ints, Mask]:
        """The offset from fraction and time zone, in microseconds."""
        ends, lengths = texts.ends[rows], texts.lengths[rows] - _TO_SECONDS
        zone = _zone_lengths(texts.data, ends, lengths)
        digits = lengths - zone - 1
        fraction, good = texts.digits(ends - zone, np.maximum(digits, 0))
        dot = texts.data[texts.starts[rows] + _TO_SECONDS] == ord(".")
        good &= (digits == -1) | (dot & (digits >= 1) & (digits <= _MICROSECONDS))
        shift = fraction.view(np.int64) * _POWERS[_MICROSECONDS - np.clip(digits, 0, _MICROSECONDS)]
        zoned = np.flatnonzero(zone > 0)
        if len(zoned):
            offset, fine = _offsets(texts, ends[zoned], zone[zoned])
            shift[zoned] -= offset * SECOND
            good[zoned] &= fine & self._zoned
        return shift, good

    def slow(self, text: str) -> int:
        """Parse one text; 24:00:00 and second 60 are accepted, as by the server."""
        if (beyond := _SERVERS.fullmatch(text)) is not None:
            self._require_exact(text, (beyond["fraction"] or "").rstrip("0"))
            self._offset(text, beyond["zone"])
            raise Beyond
        match = _ISO.fullmatch(text)
        if match is None:
            raise bad_type(f"invalid timestamp {quoted(text)}: expected YYYY-MM-DD HH:MM:SS")
        days = real_day(text, match)
        hour, minute, second = (int(match[group] or 0) for group in (4, 5, 6))
        fraction = (match[7] or "").rstrip("0")
        clock = (hour * 60 + minute) * 60 + second
        if minute > 59 or second > 60 or clock > _DAY_S or (hour == 24 and (clock > _DAY_S or fraction)):
            raise bad_type(f"invalid timestamp {quoted(text)}: no such time of day")
        self._require_exact(text, fraction)
        offset = self._offset(text, match[8])
        return (days * _DAY_S + clock - offset) * SECOND + int(fraction.ljust(_MICROSECONDS, "0"))

    def _require_exact(self, text: str, fraction: str) -> None:
        if len(fraction) > self._digits:
            raise too_precise(text, len(fraction), self._digits)

    def _offset(self, text: str, zone: str | None) -> int:
        if zone is None:
            return 0
        if not self._zoned:
            raise bad_type(f"{quoted(text)} has a time zone, but the column has none")
        digits = zone[1:].replace(":", "").ljust(4, "0")
        hours, minutes = int(digits[:2]), int(digits[2:])
        if hours > _ZONE_HOURS or minutes > 59:
            raise bad_type(f"invalid timestamp {quoted(text)}: no such time zone")
        seconds = (hours * 60 + minutes) * 60
        return -seconds if zone[0] == "-" else seconds

    def pack(self, values: Sequence[int]) -> Storage:
        """Microseconds since 1970."""
        return np.array(values, np.int64)

    def build(self, storage: Storage, valid: Mask | None) -> pa.Array:
        """Build the array without copying."""
        return fixed_width(self.type, storage, valid)


def _seconds(texts: Texts, rows: Ints) -> tuple[Ints, Mask]:
    """Seconds since midnight of the ``HH:MM`` or ``HH:MM:SS`` after the date."""
    at = texts.starts[rows] + _DATE
    separator, colon = texts.data[at], texts.data[at + 3]
    hour, good = two_digits(texts, at + 1)
    minute, fine = two_digits(texts, at + 4)
    good &= fine & (hour <= 23) & (minute <= 59) & (colon == ord(":"))
    good &= (separator == ord(" ")) | (separator == ord("T"))
    seconds = (hour * 60 + minute) * 60
    full = texts.lengths[rows] >= _TO_SECONDS
    second, fine = two_digits(texts, at + 7)
    good &= ~full | (fine & (second <= 59) & (texts.data[at + 6] == ord(":")))
    return seconds + np.where(full, second, 0), good


def _zone_lengths(data: Bytes, ends: Ints, lengths: Ints) -> Ints:
    """The length of the time zone at the end of each text: ``Z``, ``+HH``, ``+HHMM``, ``+HH:MM`` or none."""
    zone = np.where(data[ends - 1] == ord("Z"), 1, 0)
    for length in (3, 5, 6):
        sign = data[ends - length]
        zone[((sign == ord("+")) | (sign == ord("-"))) & (lengths >= length)] = length
    return zone


def _offsets(texts: Texts, ends: Ints, zone: Ints) -> tuple[Ints, Mask]:
    """Seconds east of Greenwich."""
    starts = ends - zone
    named = zone > 1
    hours, good = two_digits(texts, starts + 1)
    minutes, fine = two_digits(texts, ends - 2)
    good &= hours <= _ZONE_HOURS
    good &= (zone == 3) | (fine & (minutes <= 59))
    good &= (zone != 6) | (texts.data[starts + 3] == ord(":"))
    seconds = (hours * 60 + np.where(zone > 3, minutes, 0)) * 60
    signed = np.where(texts.data[starts] == ord("-"), -seconds, seconds)
    return np.where(named, signed, 0), good | ~named
