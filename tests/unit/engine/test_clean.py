from __future__ import annotations

import pyarrow as pa
import pytest
from tests.unit.engine.cleaning import batch_of, clean, column, fault, reason, values

from penstock.engine.cleaning.cleaner import Cleaner
from penstock.model.file_options import FileOptions
from penstock.model.result import Reason, Reject

PLAIN = FileOptions()


def test_good_rows_and_rejects_are_accounted_for_line_by_line() -> None:
    unread = Reject(0, 3, "torn", Reason.MALFORMED, None, "too few fields")
    batch = batch_of({"ID": ["1", "x", " 3 "], "Name": ["a", "b", None]}, [unread])
    cleaner = Cleaner([(column("integer", "id"), "ID"), (column("text", "name"), "Name")], PLAIN)
    result = cleaner.clean(batch)
    assert result.rows.to_pylist() == [{"id": 1, "name": "a"}, {"id": 3, "name": None}]
    assert result.lines.tolist() == [2, 4]
    assert result.rejects == [unread, Reject(0, 3, "raw 1", Reason.BAD_TYPE, "id", "invalid integer 'x'")]
    assert (result.read, result.filtered) == (4, 0)
    assert cleaner.schema == pa.schema([("id", pa.int32()), ("name", pa.large_string())])


def test_a_batch_without_faults_passes_texts_without_a_copy() -> None:
    texts = pa.array(["a", "b"], pa.large_string())
    result = Cleaner([(column("varchar(1)"), "c")], PLAIN).clean(batch_of({"c": texts}))
    assert result.rows.column(0).buffers()[2].address == texts.buffers()[2].address


def test_the_first_bad_column_in_the_contract_s_order_is_reported() -> None:
    cleaner = Cleaner([(column("integer", "b"), "B"), (column("integer", "a"), "A")], PLAIN)
    (reject,) = cleaner.clean(batch_of({"A": ["x"], "B": ["y"]})).rejects
    assert (reject.column, reject.message) == ("b", "invalid integer 'y'")


def test_raw_texts_are_asked_for_once_a_batch() -> None:
    asked: list[list[int]] = []
    batch = batch_of({"c": ["x", "1", "y"]})

    def raw(at: object) -> list[str]:
        asked.append(list(at))  # type: ignore[call-overload]
        return ["", ""]

    Cleaner([(column("integer"), "c")], PLAIN).clean(type(batch)(0, batch.rows, batch.lines, raw))
    assert asked == [[0, 2]]


def test_where_keeps_rows_of_one_value_and_counts_the_others() -> None:
    unread = Reject(0, 9, "torn", Reason.MALFORMED, None, "")
    batch = batch_of(
        {"c": ["1", "2", "x", "4", "y"], "Region": ["north", " north ", "north", "south", None]}, [unread]
    )
    result = Cleaner([(column("integer"), "c")], PLAIN, where=("Region", "north")).clean(batch)
    assert result.rows.column(0).to_pylist() == [1, 2]
    assert [(reject.line, reject.raw) for reject in result.rejects] == [(4, "raw 2"), (9, "torn")]
    assert (result.read, result.filtered) == (4, 2)


def test_where_reads_other_types_as_their_texts() -> None:
    batch = batch_of({"c": pa.array([1, 2, None], pa.int64())})
    assert Cleaner([(column("integer"), "c")], PLAIN, where=("c", "2")).clean(batch).rows.num_rows == 1


def test_slices_and_empty_batches() -> None:
    whole = batch_of({"c": ["1", None, "3", "x", "5"], "t": ["a", "b", "c", "d", "e"]})
    cleaner = Cleaner([(column("integer"), "c"), (column("text", "t"), "t")], FileOptions(null_values=("c",)))
    part = type(whole)(0, whole.rows.slice(1, 3), whole.lines[1:4], whole.raw)
    assert cleaner.clean(part).rows.to_pylist() == [{"c": None, "t": "b"}, {"c": 3, "t": None}]
    assert cleaner.clean(type(whole)(0, whole.rows.slice(0, 0), whole.lines[:0], whole.raw)).read == 0


class TestMissing:
    @pytest.mark.parametrize("text", ["", "  ", "NULL", "null", "None", "NA", "n/a", "\\N", " na "])
    def test_by_default_words_and_blanks_mean_missing_where_they_are_no_values(self, text: str) -> None:
        assert values("integer", text) == [None]
        assert values("date", text) == [None]
        assert values("text", text) == [text]

    def test_a_list_of_the_plan_s_own_holds_in_every_column_exactly(self) -> None:
        for type_ in ("integer", "text"):
            assert values(type_, " -1 ", "-1", None, "1", null_values=("-1",))[:3] == [None, None, None]
        assert values("text", "na", "NULL", null_values=("NA",)) == ["na", "NULL"]
        assert reason("integer", "NULL", null_values=("NA",)) == "bad_type"
        assert reason("integer", "", null_values=("NA",)) == "bad_type"
        assert values("integer", "", "  ", null_values=("",)) == [None, None]
        assert values("text", "", "  ", null_values=("",)) == [None, None]

    @pytest.mark.parametrize("type_", ["integer", "text", "time"])
    def test_where_a_value_must_be(self, type_: str) -> None:
        target = column(type_, nullable=False)
        for cleaner in (
            Cleaner([(target, "c")], PLAIN),
            Cleaner([(column(type_), "c")], PLAIN, required=["c"]),
        ):
            (reject,) = cleaner.clean(batch_of({"c": [None]})).rejects
            assert (reject.reason, reject.column) == (Reason.MISSING, "c")
        (reject,) = (
            Cleaner([(column("integer"), "c")], PLAIN, required=["c"]).clean(batch_of({"c": ["NA"]})).rejects
        )
        assert reject.reason is Reason.MISSING

    def test_an_empty_text_is_a_value_in_a_column_that_must_have_one(self) -> None:
        target = column("text", nullable=False)
        assert Cleaner([(target, "c")], PLAIN).clean(batch_of({"c": [""]})).rejects == []

    def test_of_types_that_only_the_server_reads_blanks_mean_missing_where_they_cannot_be_values(
        self,
    ) -> None:
        assert values("interval", " ", "NA") == [None, "NA"]
        assert values("integer[]", "") == [None]
        assert values("mood", " ", "NA") == [" ", "NA"]


class TestText:
    def test_length_counts_characters_not_bytes(self) -> None:
        assert values("varchar(3)", "äöü", "𝄞𝄞𝄞", "") == ["äöü", "𝄞𝄞𝄞", ""]
        assert fault("varchar(3)", "äöüx") == ("too_long", "'äöüx' has 4 characters, varchar(3) holds 3")

    def test_nul_is_no_character(self) -> None:
        assert reason("text", "a\0b") == "bad_encoding"
        assert reason("jsonb", "\0") == "bad_encoding"
        assert values("text", "a\0b", "c", null_values=("a\0b",)) == [None, "c"]


def test_messages_are_short_and_printable() -> None:
    for text in ("x" * 1000, "\x01" * 1000, "'\"" * 500, "\n" * 70 + "x"):
        message = fault("integer", text)[1]
        assert len(message) <= 200
        assert message.isprintable()


def test_verdicts_on_repeated_odd_values_hold_for_each_of_them() -> None:
    result = clean("integer", *[" 7", "x", "1"] * 1000)
    assert result.rows.column(0).to_pylist() == [7, 1] * 1000
    assert len(result.rejects) == 1000
