from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.cleaning import clean, fault, reason, values
from tests.unit.engine.test_typed import clean as typed
from tests.unit.engine.test_typed import values as typed_values

from penstock.engine.cleaning.cleaner import NeedsServer

INNER_YEARS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1))  # noqa: DTZ001 - hypothesis wants naive ones


class TestDate:
    @given(st.lists(st.dates()))
    def test_iso(self, days: list[date]) -> None:
        assert values("date", *[day.isoformat() for day in days]) == days
        assert values("date", *[f" {day.isoformat()} " for day in days]) == days

    def test_every_day_of_the_calendar_s_odd_years(self) -> None:
        for year in (1, 1899, 1900, 2000, 2012, 2013, 2100, 9999):
            texts = [f"{year:04}-{month:02}-{day:02}" for month in range(14) for day in range(33)]
            result = clean("date", *texts)
            good = [text for text in texts if _is_day(text)]
            assert [day.isoformat() for day in result.rows.column(0).to_pylist()] == good

    @pytest.mark.parametrize(
        "text",
        [
            "31/12/2023", "24-01-01", "2024-2-3", "2013/02/03", "20130203", "2013-02-3x", "x013-02-03", "2013-0x-03",
            "2013.02.03", "2013-02/03", "٢٠١٣-02-03", "now", "2013-02-03T00:00", "0000-01-01", "2013-02-0٣"[:11],
        ],
    )  # fmt: skip
    def test_nothing_is_guessed(self, text: str) -> None:
        assert reason("date", text) == "bad_type"

    def test_a_day_that_never_was(self) -> None:
        kind, message = fault("date", "2013-02-30")
        assert kind == "bad_type"
        assert message.startswith("invalid date '2013-02-30': day is out of range for month")

    @pytest.mark.parametrize("text", ["infinity", "-Infinity", "10000-01-01", "0044-03-15 BC"])
    def test_what_only_the_server_holds(self, text: str) -> None:
        with pytest.raises(NeedsServer):
            clean("date", text)
        assert values("date", text, "2013-02-03", " 2013-02-03", as_text=True) == [
            text,
            "2013-02-03",
            "2013-02-03",
        ]
        with pytest.raises(NeedsServer):
            clean("timestamptz", text)

    def test_a_format_of_one_s_own(self) -> None:
        good = ["03/02/2013", "3/2/2013", " 03/2/2013"]
        assert values("date", *good, date_format="%d/%m/%Y") == [date(2013, 2, 3)] * 3
        assert values("date", "3 feb 2013", date_format="%d %b %Y") == [date(2013, 2, 3)]
        for text in ("03/02/13", "2013-02-03", "31/02/2013", "03 /02/2013", "٣/02/2013", "03/02/02013"):
            assert reason("date", text, date_format="%d/%m/%Y") == "bad_type"
        assert reason("date", "2013-02-03 10:00", date_format="%Y-%m-%d %H:%M") == "bad_type"
        assert values("date", "3/2/2013", "infinity", as_text=True, date_format="%d/%m/%Y") == [
            "2013-02-03",
            "infinity",
        ]


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class TestMoment:
    @given(st.lists(st.datetimes()))
    def test_local(self, moments: list[datetime]) -> None:
        for separator in ("T", " "):
            assert values("timestamp", *[moment.isoformat(separator) for moment in moments]) == moments

    @given(st.lists(INNER_YEARS, max_size=5), st.integers(-959, 959))
    def test_zoned(self, moments: list[datetime], minutes: int) -> None:
        zone = timezone(timedelta(minutes=minutes))
        aware = [moment.replace(tzinfo=zone) for moment in moments]
        texts = [moment.isoformat() for moment in aware]
        assert values("timestamptz", *texts) == aware
        assert values("timestamptz", *[text[:-3] + text[-2:] for text in texts]) == aware
        utc = [moment.astimezone(UTC).isoformat().replace("+00:00", "Z") for moment in aware]
        assert values("timestamptz", *utc) == aware

    def test_a_moment_without_a_zone_is_utc_where_the_column_has_one(self) -> None:
        assert values("timestamptz", "2013-02-03 04:05", "2013-02-03") == [
            datetime(2013, 2, 3, 4, 5, tzinfo=UTC),
            datetime(2013, 2, 3, tzinfo=UTC),
        ]
        assert clean("timestamptz", "2013-02-03").rows.schema.field(0).type == pa.timestamp("us", "UTC")

    def test_a_zone_is_refused_where_the_column_has_none(self) -> None:
        for zone in ("Z", "+02", "-0330", "+02:00", "+00"):
            assert fault("timestamp", f"2013-02-03 04:05:06{zone}") == (
                "bad_type",
                f"'2013-02-03 04:05:06{zone}' has a time zone, but the column has none",
            )

    @pytest.mark.parametrize(
        ("text", "time"),
        [
            ("2013-02-03", "2013-02-03"), ("2013-02-03T04:05", "2013-02-03T04:05"),
            ("2013-02-03 04:05:06.1234560", "2013-02-03 04:05:06.123456"), ("2013-02-03 24:00:00", "2013-02-04"),
            ("2013-02-03 23:59:60", "2013-02-04"), ("2013-02-03 04:05:06.5", "2013-02-03 04:05:06.500000"),
        ],
    )  # fmt: skip
    def test_forms(self, text: str, time: str) -> None:
        assert values("timestamp", text, f" {text}") == [datetime.fromisoformat(time)] * 2

    @pytest.mark.parametrize(
        "text",
        [
            "2013-02-30 04:05:06", "2013-02-03 25:00", "2013-02-03 04:60", "2013-02-03 04:05:61", "2013-02-03x04:05:06",
            "2013-02-03 24:00:01", "2013-02-03 4:05", "2013-02-03 04:05:06.", "2013-02-03 04:05:06+16", "now",
            "2013-02-03 04:05:06,5", "2013-02-03 04-05", "2013-02-03Z", "2013-02-03 04:05:06+0x",
            "2013-02-03 04:05:06 UTC", "2013-02-03 04:05:06-05:60", "2013-02-03 04:05:06.5x", "2013-02-03 0x:05:06",
            "2013-02-03 04:05:06+02-00", "2013-02-03 04:05:06.+02", "2013-02-03 24:00:00.5",
        ],
    )  # fmt: skip
    def test_no_moment(self, text: str) -> None:
        assert reason("timestamptz", text) == "bad_type"

    def test_nothing_finer_than_a_microsecond(self) -> None:
        assert reason("timestamp", "2013-02-03 04:05:06.1234567") == "out_of_range"

    @pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
    def test_fewer_digits_than_a_microsecond(self, kind: str) -> None:
        zone = UTC if kind == "timestamptz" else None
        for digits, fraction in ((0, ".000"), (3, ".123000"), (3, ".12"), (5, ".12345")):
            text = f"2013-02-03 04:05:06{fraction}"
            moment = datetime.fromisoformat(text).replace(tzinfo=zone)
            assert values(f"{kind}({digits})", text, f" {text}") == [moment] * 2
            assert typed_values(f"{kind}({digits})", pa.array([moment])) == [moment]
        for digits, fraction in ((0, ".5"), (3, ".1239"), (5, ".123456")):
            text = f"2013-02-03 04:05:06{fraction}"
            assert reason(f"{kind}({digits})", text) == "out_of_range"
            moment = datetime.fromisoformat(text).replace(tzinfo=zone)
            assert typed(f"{kind}({digits})", pa.array([moment])).rejects[0].reason == "out_of_range"

    @pytest.mark.parametrize(
        "text", ["$1,120", "tomorrow", "12000-01-01 tomorrow", "0044-03-15 BC x", "Jan 3 2013"]
    )
    def test_nothing_is_left_to_the_server_that_it_would_guess(self, text: str) -> None:
        for kind in ("timestamp", "timestamp(3)", "timestamptz(3)", "date"):
            assert reason(kind, text) == "bad_type"

    def test_a_distant_year_keeps_its_zone_and_fraction(self) -> None:
        assert reason("timestamp", "12000-01-01 04:05:06+02") == "bad_type"
        assert reason("timestamp(3)", "12000-01-01 04:05:06.1239") == "out_of_range"
        assert reason("date", "12000-01-01 04:05:06") == "bad_type"
        for text in ("12000-01-01 04:05:06.123+02", "0044-03-15 04:05 BC", "-infinity"):
            assert values("timestamptz(3)", text, as_text=True) == [text]

    def test_as_text_for_the_server_a_moment_says_its_zone(self) -> None:
        assert values("timestamptz", "2013-02-03 04:05:06", "infinity", as_text=True) == [
            "2013-02-03 04:05:06.000000Z",
            "infinity",
        ]
        assert clean("timestamptz", "yesterday", as_text=True).rejects[0].reason == "bad_type"


class TestTimeOfDay:
    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            ("time", "04:05"), ("time without time zone", " 04:05:06.123456 "),
            ("time(3) without time zone", "4:05:06.120"),
            ("time(0)", "04:05:06.000"), ("timetz", "04:05:06+02"), ("time(3) with time zone", "04:05:06.123-03:30"),
            ("time", "4:05 PM"),
        ],
    )  # fmt: skip
    def test_a_time_is_sent_as_it_stands(self, kind: str, text: str) -> None:
        assert values(kind, text, "", None) == [text, None, None]

    @pytest.mark.parametrize(
        ("kind", "text", "expected"),
        [
            ("time(3)", "04:05:06.1239", "out_of_range"), ("time", "04:05:06.1234567", "out_of_range"),
            ("time", "04:05:06+02", "bad_type"), ("time", "2013-02-03 04:05", "bad_type"), ("time", "now", "bad_type"),
            ("time", "allballs", "bad_type"), ("time", "0405", "bad_type"),
            ("timetz", "04:05 Europe/Paris", "bad_type"),
        ],
    )  # fmt: skip
    def test_no_time(self, kind: str, text: str, expected: str) -> None:
        assert reason(kind, text) == expected
