"""CSV: every record becomes a row or a reject, with its line."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.files.reading import read

from penstock.files import csv as csv_format
from penstock.files.blocks import Sizes
from penstock.files.source import open_files
from penstock.model.errors import SourceError, UsageError
from penstock.model.file_options import FileOptions

Cell = str | None
TEXT = st.text(st.sampled_from('a1é€😀 ,;\t"\n\r'), max_size=6)
BLOCKS = st.one_of(st.integers(1, 12), st.just(1 << 20))


def write(table: list[list[Cell]], *, delimiter: str, newline: str, always: bool) -> str:
    """Null is an unquoted empty field, the empty string a quoted one."""

    def field(cell: Cell) -> str:
        if cell is None:
            return ""
        if always or cell == "" or any(char in cell for char in f'{delimiter}"\r\n'):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    return "".join(delimiter.join(map(field, row)) + newline for row in table)


def starts_of_records(text: str, delimiter: str) -> list[int]:
    """Where Python's reader sees records begin, blank lines left out."""
    reader, starts, before = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [], 0
    for record in reader:
        if record:
            starts.append(before + 1)
        before = reader.line_num
    return starts


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Cell]]]:
    width = draw(st.integers(2, 4))
    row = st.lists(st.one_of(st.none(), TEXT), min_size=width, max_size=width)
    return [f"c{at}" for at in range(width)], draw(st.lists(row, max_size=8))


@given(
    table=tables(),
    block=BLOCKS,
    delimiter=st.sampled_from(",;\t"),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    always=st.booleans(),
    last=st.booleans(),
)
def test_any_table_reads_back_equal(
    table: tuple[list[str], list[list[Cell]]],
    block: int,
    delimiter: str,
    newline: str,
    always: bool,
    last: bool,
) -> None:
    names, rows = table
    text = write([[*names], *rows], delimiter=delimiter, newline=newline, always=always)
    text = text if last else text.removesuffix(newline)
    found = read(text.encode(), block=block, delimiter=delimiter)
    assert found.columns == tuple(names)
    assert found.rows == [tuple(row) for row in rows]
    assert found.rejects == []
    assert found.lines == starts_of_records(text, delimiter)[1:]


BYTES = st.lists(
    st.sampled_from(
        [b'"', b",", b"\n", b"\r\n", b"\r", b"a", b'""', b',"', b'",', b"\xc3\xa9", b"\xff", b"\0"]
    ),
    max_size=25,
).map(b"".join)


@given(data=BYTES, block=st.integers(1, 9), record=st.sampled_from([4, 12, 1 << 20]), width=st.integers(1, 3))
@example(data=b'\0,b,\0,"\n\0\n"\0","\n""', block=1, record=4, width=2)
def test_any_bytes_give_rows_or_rejects_whatever_the_block(
    data: bytes, block: int, record: int, width: int
) -> None:
    header = tuple("xyz"[:width])
    whole = read(data, record=record, header=header)
    assert read(data, block=block, record=record, header=header) == whole
    if record >= len(data):
        texts = dict(zip(whole.lines, whole.raw, strict=True)) | {one.line: one.raw for one in whole.rejects}
        output = "".join(text for _, text in sorted(texts.items()))
        assert without_line_ends(output) == without_line_ends(show(data))


def without_line_ends(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def show(data: bytes) -> str:
    return data.decode(errors="backslashreplace").replace("\0", "\\x00")


@pytest.mark.parametrize("block", [1, 5, 1 << 20])
class TestOddities:
    def test_blank_lines_are_no_rows_and_count_as_lines(self, block: int) -> None:
        found = read(b"\n\na,b\n\n1,2\n\r\n\n3,4\n\n", block=block)
        assert (found.rows, found.lines) == ([("1", "2"), ("3", "4")], [5, 8])

    def test_a_blank_line_is_a_missing_value_where_there_is_one_column(self, block: int) -> None:
        found = read(b'a\n1\n\n""\n2', block=block)
        assert (found.rows, found.lines) == ([("1",), (None,), ("",), ("2",)], [2, 3, 4, 5])

    def test_lines_are_exact_behind_embedded_newlines(self, block: int) -> None:
        found = read(b'a,b\n"x\ny\r\nz",1\n2,3\n', block=block)
        assert (found.rows, found.lines) == ([("x\ny\r\nz", "1"), ("2", "3")], [2, 5])
        assert found.raw == ['"x\ny\r\nz",1', "2,3"]

    def test_a_quote_inside_a_field_is_text(self, block: int) -> None:
        found = read(b'a,b\n5" pipe,1\n"6"" pipe",2\n', block=block)
        assert found.rows == [('5" pipe', "1"), ('6" pipe', "2")]

    def test_text_behind_a_closing_quote_is_never_glued_on(self, block: int) -> None:
        found = read(
            b'a,b\n1,"x"\n"a"b,2\n"7"x"y,3\n"a""b","c\nd"\r\n2,"c\nd"e\n3,"x" \n4,"y"\n5,"\xff"z\n6,"',
            block=block,
        )
        assert found.rows == [("1", "x"), ('a"b', "c\nd"), ("4", "y")]
        assert [(one.line, one.raw, one.reason.value) for one in found.rejects] == [
            (3, '"a"b,2', "malformed"),
            (4, '"7"x"y,3', "malformed"),
            (7, '2,"c\nd"e', "malformed"),
            (9, '3,"x" ', "malformed"),
            (11, '5,"\\xff"z', "bad_encoding"),
            (12, '6,"', "malformed"),
        ]
        assert found.rejects[0].message == "text follows the closing quote of a field"

    def test_a_header_with_text_behind_a_quote_costs_no_row(self, block: int) -> None:
        found = read(b'"a"b,"c"\n1,2\n', block=block)
        assert (found.columns, found.rows, found.rejects) == (("ab", "c"), [("1", "2")], [])

    def test_ragged_rows_are_told_with_their_text(self, block: int) -> None:
        found = read(b'a,b,c\n1,2,3\n4,5\n"x,\n",7,8,9\n1\n', block=block)
        assert found.rows == [("1", "2", "3")]
        assert [(one.line, one.raw, one.message) for one in found.rejects] == [
            (3, "4,5", "2 fields where the header has 3"),
            (4, '"x,\n",7,8,9', "4 fields where the header has 3"),
            (6, "1", "1 field where the header has 3"),
        ]

    def test_an_unclosed_quote_costs_one_line(self, block: int) -> None:
        found = read(b'a,b\n1,2\n3,"4\n5,6\n7,8\n', block=block)
        assert found.rows == [("1", "2"), ("5", "6"), ("7", "8")]
        assert [(one.line, one.raw, one.reason.value) for one in found.rejects] == [(3, '3,"4', "malformed")]

    def test_an_unclosed_quote_swallows_no_more_than_the_bound(self, block: int) -> None:
        found = read(b'a,b\n3,"4\n' + b"5,6\n" * 20 + b'7,"8"\n', block=block, record=30)
        assert found.rows == [("5", "6")] * 20 + [("7", "8")]
        assert found.reasons == [(2, "malformed")]

    def test_a_line_over_the_bound_is_one_reject(self, block: int) -> None:
        found = read(b"a,b\n1," + b"x" * 90 + b"\r\n3,4\n", block=block, record=30)
        assert (found.rows, found.lines) == ([("3", "4")], [3])
        assert [(one.line, one.raw, one.message) for one in found.rejects] == [
            (2, "1," + "x" * 28, "a line of more than 30 bytes")
        ]

    def test_bytes_that_are_no_text_cost_their_row(self, block: int) -> None:
        found = read(b'a,b\n\xc3\xa9,1\n"\xff\n",2\n\xc3\n3,\x00\n4,5\n\xed\xb2\x80,6\n', block=block)
        assert found.rows == [("é", "1"), ("4", "5")]
        assert [(one.line, one.raw, one.reason.value) for one in found.rejects] == [
            (3, '"\\xff\n",2', "bad_encoding"),
            (5, "\\xc3", "bad_encoding"),
            (6, "3,\\x00", "bad_encoding"),
            (8, "\\xed\\xb2\\x80,6", "bad_encoding"),
        ]

    def test_nothing_is_quoted_where_no_quote_is_declared(self, block: int) -> None:
        assert read(b'a,b\n"1,2"\n', block=block, quote=None).rows == [('"1', '2"')]

    def test_a_byte_order_mark_is_stepped_over(self, block: int) -> None:
        assert read(b"\xef\xbb\xbfa,b\n1,2\n", block=block).columns == ("a", "b")

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1", "utf-8-sig"])
    def test_declared_encodings(self, block: int, encoding: str) -> None:
        found = read("a,b\né,2\r\n\n3,ü\n".encode(encoding), block=block, encoding=encoding)
        assert (found.rows, found.lines) == ([("é", "2"), ("3", "ü")], [2, 4])


@pytest.mark.parametrize(
    ("data", "encoding", "raw"),
    [
        (b"a,b\n1,\x81\n3,4\n", "cp1252", "1,\\x81"),
        (b"a,b\n1,\xe9\n3,4\n", "ascii", "1,\\xe9"),
        (
            "a,b\n1,".encode("utf-16-le") + b"\x00\xd8" + "\n3,4\n".encode("utf-16-le"),
            "utf-16-le",
            "1,\\x00\\xd8",
        ),
        ("a,b\n3,4\n1,".encode("utf-16-le") + b"\x41", "utf-16-le", "1,\\x41"),
    ],
)
def test_undecodable_bytes_cost_their_row(data: bytes, encoding: str, raw: str) -> None:
    found = read(data, encoding=encoding)
    assert found.rows == [("3", "4")]
    assert [(one.raw, one.reason.value) for one in found.rejects] == [(raw, "bad_encoding")]


@pytest.mark.parametrize(
    ("data", "options", "columns", "rows"),
    [
        (b"a,b\n", {}, ("a", "b"), []),
        (b"a,b", {}, ("a", "b"), []),
        (b"a,,\n1,2,3\n", {}, ("a", "column_2", "column_3"), [("1", "2", "3")]),
        (b'"a ""x""","b\nc"\n1,2\n', {}, ('a "x"', "b\nc"), [("1", "2")]),
        (b"1,2\n", {"header": ("a", "b")}, ("a", "b"), [("1", "2")]),
        (b"", {"header": ("a", "b")}, ("a", "b"), []),
        (b"a\tb\n1\t2\n", {"delimiter": "\\t"}, ("a", "b"), [("1", "2")]),
        (b"a,b\n'1,2',3\n", {"quote": "'"}, ("a", "b"), [("1,2", "3")]),
    ],
)
def test_headers(
    data: bytes, options: dict[str, Any], columns: tuple[str, ...], rows: list[tuple[str, ...]]
) -> None:
    found = read(data, **options)
    assert (found.columns, found.rows, found.rejects) == (columns, rows, [])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "'-' is empty: no header line"),
        (b"\n\n", "'-' is empty: no header line"),
        (b'a,"b\n1,2\n', "invalid header of '-': a quote opens here and is not closed"),
        (b"a,\xe9\n1,2\n", "the header of '-' is not valid utf-8: a,\\xe9"),
        ("a,b\n".encode("utf-16"), "'-' is not valid UTF-8"),
        (
            b"[id],name\n",
            "'-' begins with '[', as JSON does, and holds no JSON objects there",
        ),
        (b"x" * 200_000, "invalid header of '-': field larger than field limit (131072)"),
    ],
)
def test_no_usable_header(data: bytes, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(data)
    assert caught.value.message == message
    assert caught.value.hint


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": ""},
        {"delimiter": "||"},
        {"delimiter": "§"},
        {"quote": ","},
        {"quote": "\n"},
        {"encoding": "klingon"},
        {"encoding": "hex"},
    ],
)
def test_options_without_sense(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        read(b"a,b\n", **options)


def test_a_header_of_a_million_columns_is_refused_before_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "name_columns", lambda *_: pytest.fail("the columns were named"))
    with pytest.raises(SourceError, match="has 1,000,000 columns; a table holds at most 1,600"):
        read(b",".join(b"c%d" % at for at in range(1_000_000)) + b"\n", record=1 << 24)
    with pytest.raises(SourceError, match="field larger than field limit"):
        read(b"a," + b"x" * 200_000 + b"\n")


def left_out(data: bytes, block: int, **options: Any) -> int:
    source = open_files("-", FileOptions(**options), stdin=io.BytesIO(data), sizes=Sizes(block), detect=False)
    return sum(batch.left_out for batch in source.batches())


COMMENTED = (
    b'# made "by hand\n#, "x\nid,note\n# 1,a\n1,"a\n# no comment"'
    b'\n#\n2,# no comment\n# don\'t, "no\n3,"b"\n# end, "'
)


@pytest.mark.parametrize("block", [7, 16, 40, 1 << 20])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_comments_are_no_rows(block: int, ends: bytes) -> None:
    data = COMMENTED.replace(b"\n", ends)
    content = read(data, block=block, comment="#")
    assert content.rows == [("1", f"a{ends.decode()}# no comment"), ("2", "# no comment"), ("3", "b")]
    assert content.lines == [5, 8, 10]
    assert content.rejects == []
    assert left_out(data, block, comment="#") == 6


@pytest.mark.parametrize("block", [7, 1 << 20])
def test_a_comment_may_have_several_characters(block: int) -> None:
    content = read(b"// by\nid,n\n/1,2\n//1,2\n\xff,2\n3,4", block=block, comment="//")
    assert content.rows == [("/1", "2"), ("3", "4")]
    assert content.reasons == [(5, "bad_encoding")]


@pytest.mark.parametrize("comment", ["", "a\n", "\0"])
def test_an_invalid_comment_is_refused(comment: str) -> None:
    with pytest.raises(UsageError, match="invalid comment"):
        read(b"id\n1\n", comment=comment)


def test_a_malformed_line_that_may_be_a_comment_says_so() -> None:
    assert "pass --comment '#'" in read(b"id,n\n1,2\n# end\n").rejects[0].message


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize(("count", "rows", "lines"), [(0, 4, 0), (1, 4, 1), (2, 3, 2), (9, 0, 5)])
def test_lines_at_the_end_are_left_out(block: int, ends: bytes, count: int, rows: int, lines: int) -> None:
    data = b"1,2\n2,3\n3,4\n\nTotal,9\n(3 rows)\n\n".replace(b"\n", ends)
    content = read(data, block=block, footer=count, header=("id", "n"))
    assert len(content.rows) == rows
    assert left_out(data, block, footer=count, header=("id", "n")) == lines


@pytest.mark.parametrize("block", [24, 1 << 20])
@pytest.mark.parametrize(
    ("data", "rejected"),
    [
        (b"id,name,n\n1,Ann,2\n2,Bob,3\nTotal,,5\n", [(4, "malformed")]),
        (b"id,name,n\n1,Ann,2\n2,Bob,3\n,Grand total:,5\n", [(4, "malformed")]),
        (b"id,name,n\n1,Ann,2\n2,Bob,3\nTotal,,5\nSource: us,,\n", [(4, "malformed"), (5, "malformed")]),
        (b"name,n\nAnn,2\nBob,3\nTotal,5\n", []),
        (b"id,name\n1,Ann\n2,\n3,Total\n", []),
        (b"id\n1\n2\n(2 rows)\n", [(4, "malformed")]),
        (b"id,n\n1,2\n2,3\nSource: us,\nNote: b,\n", [(4, "malformed"), (5, "malformed")]),
        (b"todo\nNote: a\nbuy\nNote: b\n", []),
        (b"name,n\nAnn,\nBob,2\nNote: b,\n", []),
        (b"id,name,n\n1,Ann,2\nTotal,,2\n", []),
    ],
)
def test_what_looks_like_a_footer_is_rejected(data: bytes, rejected: list[Any], block: int) -> None:
    content = read(data, block=block)
    assert content.reasons == rejected
    assert all("--footer 0" in reject.message for reject in content.rejects)
    assert read(data, block=block, footer=0).rejects == []


@pytest.mark.parametrize("block", [1, 9, 1 << 20])
def test_short_rows_have_null_in_the_missing_columns(block: int) -> None:
    data = b'id,name,n\n1,Ann,2\n2\n\n3,"B,\nob"\n4,c,5,6\n5,d,7\n6,""'
    content = read(data, block=block, short_rows="null")
    assert content.rows == [
        ("1", "Ann", "2"), ("2", None, None), ("3", "B,\nob", None), ("5", "d", "7"), ("6", "", None)
    ]  # fmt: skip
    assert content.raw == ["1,Ann,2", "2", '3,"B,\nob"', "5,d,7", '6,""']
    assert content.lines == [2, 3, 5, 8, 9]
    assert content.reasons == [(7, "malformed")]
    assert [line for line, _ in read(data, block=block).reasons] == [3, 5, 7, 9]


@pytest.mark.parametrize("block", [1, 9, 1 << 20])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_row_that_repeats_the_header_is_rejected(block: int, ends: bytes) -> None:
    data = b',name,N\n1,name,2\n,name,N\n2,name,\n"","name",N\n,name,n\n'.replace(b"\n", ends)
    content = read(data, block=block)
    assert [(reject.line, reject.message) for reject in content.rejects] == [
        (3, "repeats the header"), (5, "repeats the header")
    ]  # fmt: skip
    assert content.lines == [2, 4, 6]
    marked = read("\ufeffid,name\n1,a\n\ufeffid,name\n2,b\n".encode(), block=block)
    assert [row[0] for row in marked.rows] == ["1", "2"]


def test_what_is_no_header_line_may_be_repeated() -> None:
    assert read(b"word\na\nword\n").rows == [("a",), ("word",)]
    assert read(b"a,b\n", header=("a", "b")).rows == [("a", "b")]
