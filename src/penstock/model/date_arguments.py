"""Dates and durations in arguments: a day, a point in time, or how long something takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from penstock.model.errors import NothingDone, UsageError

_DAY = len("2013-02-01")


@dataclass(frozen=True, slots=True)
class Moment:
    """A day or a point in time.

    Args:
        text: The original text.
        at: The point in time, or the start of the day; without a time zone if none was written.
        is_day: Whether it is a whole day.
    """

    text: str
    at: datetime
    is_day: bool

    def first(self, zone: tzinfo) -> datetime:
        """The first instant, in this time zone if none was written.

        Example:
            >>> from datetime import UTC
            >>> parse_moment("2013-02-01").first(UTC).isoformat()
            '2013-02-01T00:00:00+00:00'
        """
        return self.at if self.at.tzinfo else self.at.replace(tzinfo=zone)

    def last(self, zone: tzinfo) -> datetime:
        """The last instant: a day ends before midnight.

        Example:
            >>> from datetime import UTC
            >>> parse_moment("2013-02-01").last(UTC).isoformat()
            '2013-02-01T23:59:59.999999+00:00'
        """
        first = self.first(zone)
        return datetime.combine(first.date(), time.max, first.tzinfo) if self.is_day else first


def parse_moment(text: str) -> Moment:
    """Read a date such as `2013-02-01` or `2013-02-01T09:00`, with or without a time zone.

    Raises:
        UsageError: It is not a date.

    Example:
        >>> parse_moment("2013-02-01T09:00+01:00").is_day
        False
    """
    try:
        return Moment(text, datetime.fromisoformat(text), len(text) == _DAY)
    except ValueError as error:
        raise UsageError(f"invalid date {text!r}", hint="write 2013-02-01, or 2013-02-01T09:00") from error


def in_short(moment: datetime) -> str:
    """A point in time as short text: midnight is shown as the day.

    Example:
        >>> in_short(datetime(2013, 2, 28)), in_short(datetime(2013, 2, 28, 9))
        ('2013-02-28', '2013-02-28T09:00')
    """
    return f"{moment:%Y-%m-%d}" if moment.time() == time.min else f"{moment:%Y-%m-%dT%H:%M}"


def ended(dag_id: str, text: str, ends: datetime) -> NothingDone:
    """The error of a date after a DAG's end: Airflow would run none of its tasks and report success.

    Args:
        text: The date as written.
        ends: In the DAG's time zone.
    """
    day = in_short(ends)
    return NothingDone(
        f"{dag_id} ended on {day}, before {text}: no task would run",
        hint=f"choose a date up to {day}, or move the DAG's end_date",
    )


def parse_duration(text: str) -> timedelta:
    """A duration of one number and one unit.

    Raises:
        UsageError: If it is something else.

    Example:
        >>> parse_duration("36 hours").days
        1
    """
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(second|minute|hour|day|week)s?\s*", text)
    if match is None:
        raise UsageError(f"invalid duration {text!r}", hint="write it as 90 minutes, 36 hours or 2 days")
    try:
        return timedelta(**{f"{match[2]}s": float(match[1])})
    except OverflowError:
        raise UsageError(f"duration {text!r} is too long", hint="write it as 2 days") from None
