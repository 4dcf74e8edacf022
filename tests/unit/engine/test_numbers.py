from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.cleaning import clean, fault, reason, values

from penstock.engine.cleaning.cleaner import NeedsServer

RANGES = {"smallint": 15, "integer": 31, "bigint": 63}


@pytest.mark.parametrize(("type_", "bits"), RANGES.items())
def test_integers_to_their_very_ends(type_: str, bits: int) -> None:
    least, greatest = -(2**bits), 2**bits - 1
    good = [str(least), str(greatest), f"+{greatest}", "-0", "007", " 5\t", "0" * 30 + "5", "1" * (bits // 4)]
    assert values(type_, *good) == [int(text) for text in good]
    for text in (str(least - 1), str(greatest + 1), "9" * 19, "9" * 5000):
        assert reason(type_, text) == "out_of_range"


@pytest.mark.parametrize(
    "text", ["1.0", "1e3", "0x1", "1_0", "٣", "--1", "+-1", "+", "-", "1 2", "1,0", "12a45678", "/", ":"]
)
def test_whatever_else_is_no_integer(text: str) -> None:
    assert fault("bigint", text) == ("bad_type", f"invalid integer '{text}'")


@given(st.lists(st.integers(-(10**21), 10**21) | st.integers(-(2**15) - 3, 2**15 + 3), min_size=1))
def test_an_integer_is_exact_or_out_of_range(numbers: list[int]) -> None:
    for type_, bits in RANGES.items():
        result = clean(type_, *map(str, numbers))
        held = [number for number in numbers if -(2**bits) <= number < 2**bits]
        assert result.rows.column(0).to_pylist() == held
        assert {reject.reason for reject in result.rejects} <= {"out_of_range"}


ALPHABET = st.text("0123456789.+-eE x_\x00٣:/", max_size=22)


@given(st.lists(ALPHABET, max_size=8))
def test_any_text_is_the_integer_that_python_reads_or_refused(texts: list[str]) -> None:
    result = clean("bigint", *texts)
    for line, number in zip(result.lines.tolist(), result.rows.column(0).to_pylist(), strict=True):
        text = texts[line - 2]
        assert number == (int(text) if text.strip() else None)
        assert "_" not in text
    for reject in result.rejects:
        bare = texts[reject.line - 2].strip(" \t\n\r\v\f")
        assert not (bare.lstrip("+-").isdecimal() and bare.isascii() and len(bare) < 18) or bare[1:2] in "+-"


class TestNumeric:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1.5", "1.50"), (".5", "0.50"), ("5.", "5.00"), ("-1.2300", "-1.23"), ("1e3", "1000"), ("15e-1", "1.5"),
            ("1.5E+1", "15"), ("-0", "0"), ("0" * 40 + "1.5", "1.5"), ("9999999999.99", "9999999999.99"),
            ("1.50" + "0" * 40, "1.5"), ("0e99999999999999999999999", "0"), ("+7", "7"),
        ],
    )  # fmt: skip
    def test_exact(self, text: str, value: str) -> None:
        assert values("numeric(12,2)", text) == [Decimal(value)]

    def test_nothing_is_rounded(self) -> None:
        assert fault("numeric(12,2)", "1.239") == (
            "out_of_range",
            "'1.239' has 3 decimals, numeric(12,2) holds 2",
        )
        assert reason("numeric(12,2)", "0.001") == "out_of_range"
        assert reason("numeric(12,2)", "1.2300000000000000000000000001") == "out_of_range"
        assert reason("numeric(12,2)", "1e-99999999999999999999999999") == "out_of_range"

    def test_too_many_digits_before_the_point(self) -> None:
        assert fault("numeric(12,2)", "-10000000000.5") == (
            "out_of_range",
            "'-10000000000.5' has 11 digits before the point, numeric(12,2) holds 10",
        )
        assert reason("numeric(12,2)", "1e99999999999999999999999999") == "out_of_range"
        assert reason("numeric(12,2)", "Infinity") == "out_of_range"

    @pytest.mark.parametrize(
        "text",
        [
            "abc",
            "1.2.3",
            ".",
            "-",
            "1,5",
            "1e",
            "e5",
            "0x1",
            "1_0",
            "٣",
            "1.٣",
            ".00000000000000000٣٣",
            "1 2",
        ],
    )
    def test_no_number(self, text: str) -> None:
        assert fault("numeric(12,2)", text) == ("bad_type", f"invalid number '{text}'")

    def test_odd_precisions(self) -> None:
        assert values("numeric(5,-2)", "9999900", "-1.2e3") == [9999900, -1200]
        assert reason("numeric(5,-2)", "1234") == "out_of_range"
        assert reason("numeric(5,-2)", "10000000") == "out_of_range"
        assert values("numeric(3,5)", "0.00999") == [Decimal("0.00999")]
        assert values("numeric(4,-2)", "123400", "-1.2e3", "0") == [
            Decimal(123400),
            Decimal(-1200),
            Decimal(0),
        ]
        for text in ("12345", "1.5", "1234500"):
            assert reason("numeric(4,-2)", text) == "out_of_range"
        assert reason("numeric(3,5)", "0.01") == "out_of_range"
        assert values("numeric(50,45)", "1.5", "0") == [Decimal("1.5"), 0]
        assert reason("numeric(50,45)", "100000") == "out_of_range"
        assert values("numeric(50,2)", "1" * 36) == [Decimal("1" * 36)]

    def test_without_a_scale_a_batch_has_the_greatest_of_its_values_scales(self) -> None:
        result = clean("numeric", "1.5", "100", "x", "0.125", "9" * 20, "1e2", "-" + "7" * 18)
        assert result.rows.schema.field(0).type == pa.decimal128(38, 3)
        assert result.rows.column(0).to_pylist() == [
            Decimal(text) for text in ("1.5", "100", "0.125", "9" * 20, "100", "-" + "7" * 18)
        ]

    @pytest.mark.parametrize("texts", [["NaN"], ["-inf"], ["1" * 39], ["1e-39"], ["1" * 38, "0.5"]])
    def test_what_only_the_server_holds(self, texts: list[str]) -> None:
        with pytest.raises(NeedsServer, match="'c'"):
            clean("numeric", *texts)
        assert values("numeric", *texts, as_text=True) == texts

    def test_beyond_what_the_server_holds(self) -> None:
        assert reason("numeric", "1e131072") == "out_of_range"
        assert reason("numeric", "1e-16384") == "out_of_range"

    @given(
        st.lists(
            st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.decimals(-999, 999, places=1)
        )
    )
    def test_a_decimal_is_exact_or_out_of_range(self, numbers: list[Decimal]) -> None:
        self.check("numeric(9,2)", [str(number) for number in numbers])
        self.check("numeric(38,4)", [f"{number:f}" for number in numbers])

    @given(st.lists(ALPHABET, max_size=8))
    def test_any_text_is_the_number_that_python_reads_or_refused(self, texts: list[str]) -> None:
        self.check("numeric(9,2)", [text for text in texts if text.strip(" ")])

    def check(self, type_: str, texts: list[str]) -> None:
        precision, scale = (int(size) for size in type_[8:-1].split(","))
        result = clean(type_, *texts)
        kept = dict(zip(result.lines.tolist(), result.rows.column(0).to_pylist(), strict=True))
        for line, text in enumerate(texts, 2):
            if line in kept:
                assert kept[line] == Decimal(text)
                assert "_" not in text
                assert text.isascii()
            elif (
                all(letter in "0123456789.-" for letter in text)
                and text.count(".") == 1
                and text[-1:].isdigit()
            ):
                number = Fraction(text) if "-" not in text[1:] else None
                exact = number is not None and (number * 10**scale).denominator == 1
                assert not exact or abs(Fraction(text)) >= 10 ** (precision - scale)


class TestFloat:
    @pytest.mark.parametrize(
        "text", ["0.1", "-0", "1e300", "5e-324", ".5", "5.", "0.30000000000000004", "0e999", "+1"]
    )
    def test_the_nearest(self, text: str) -> None:
        (value,) = values("double precision", text)
        assert (value, math.copysign(1, value)) == (float(text), math.copysign(1, float(text)))

    def test_single_precision_is_rounded_once(self) -> None:
        assert values("real", "16777217.0000001", "0.1") == [16777218.0, float(np.float32("0.1"))]

    @pytest.mark.parametrize(("type_", "text"), [("double precision", "1e309"), ("double precision", "-1e-400"),
                                                 ("real", "3.5e38"), ("real", "1e-46")])  # fmt: skip
    def test_never_a_silent_infinity_or_zero(self, type_: str, text: str) -> None:
        assert reason(type_, text) == "out_of_range"

    def test_words(self) -> None:
        assert values("real", "inf", "-Infinity") == [math.inf, -math.inf]
        assert math.isnan(values("double precision", "NaN")[0])

    @pytest.mark.parametrize("text", ["abc", "0x1p3", "1_0", "1e", "1,5", "infinit", "٣", "1d5"])
    def test_no_number(self, text: str) -> None:
        assert reason("double precision", text) == "bad_type"

    @given(st.lists(st.floats(allow_nan=False)))
    def test_round_trip(self, numbers: list[float]) -> None:
        assert values("double precision", *map(repr, numbers)) == numbers
