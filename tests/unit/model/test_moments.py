from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

from penstock.model.date_arguments import parse_duration, parse_moment
from penstock.model.errors import UsageError


def test_a_day_reaches_from_midnight_to_midnight_where_the_dag_lives() -> None:
    day = parse_moment("2013-03-31")
    zone = ZoneInfo("Europe/Berlin")
    assert day.is_day
    assert day.first(zone).isoformat() == "2013-03-31T00:00:00+01:00"
    assert day.last(zone).isoformat() == "2013-03-31T23:59:59.999999+02:00"  # the clocks went forward


def test_a_moment_keeps_its_own_time_zone() -> None:
    moment = parse_moment("2013-02-01T09:00+05:30")
    assert moment.first(UTC) == moment.last(UTC)
    assert moment.first(UTC).isoformat() == "2013-02-01T09:00:00+05:30"
    assert parse_moment("2013-02-01T09:00").last(UTC).isoformat() == "2013-02-01T09:00:00+00:00"


@pytest.mark.parametrize("text", ["", "yesterday", "2013-02-30", "01.02.2013", "2013-02-01T25:00"])
def test_what_is_no_date_is_refused_and_the_form_shown(text: str) -> None:
    with pytest.raises(UsageError, match="invalid date") as error:
        parse_moment(text)
    assert "2013-02-01T09:00" in (error.value.hint or "")


@pytest.mark.parametrize("text", ["", "5", "5 lightyears", "-1 day", "999999999 weeks"])
def test_invalid_durations(text: str) -> None:
    with pytest.raises(UsageError, match="duration"):
        parse_duration(text)
    assert parse_duration("1.5 hours") == timedelta(minutes=90)
