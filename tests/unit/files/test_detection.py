"""How a file is written is found in its content, and a file that can be read in two ways is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest
from benchmarks.dialect_corpus import corpus
from benchmarks.dialects import by_penstock, judge
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.files.reading import Content, drain

from penstock.files.blank_removal import UnpaddedText
from penstock.files.blocks import Sizes
from penstock.files.first_record import First, judge_first, name_columns
from penstock.files.source import FileSource, open_files
from penstock.model.errors import SourceError, UsageError
from penstock.model.file_options import FileOptions
from penstock.model.options import make_plan


def opened(data: bytes, **options: Any) -> FileSource:
    source = open_files("-", make_plan("-", "w:t", **options).file, stdin=io.BytesIO(data), sizes=Sizes())
    assert isinstance(source, FileSource)
    source.require_header()
    return source


def content(data: bytes, **options: Any) -> Content:
    return drain(opened(data, **options))


def test_the_corpus() -> None:
    outcomes = [judge(case, by_penstock) for case in corpus(150, seed=7)]
    assert outcomes.count("exact") >= 0.95 * len(outcomes)
    assert outcomes.count("wrong") <= 1


@pytest.mark.parametrize(
    ("data", "findings", "first"),
    [
        (b"id,name\n1,Ann\n2,Bob\n", {}, ("1", "Ann")),
        (b"id;price\n1;1,5\n2;2,5\n", {"delimiter": ";"}, ("1", "1,5")),
        (b"1,5;2,5\n2,5;3,5\n", {"delimiter": ";", "header": "no"}, ("1,5", "2,5")),
        (b"id|city\n1|Boston, MA\n2|Austin, TX\n", {"delimiter": "|"}, ("1", "Boston, MA")),
        (b"id,tags\n1,a;b\n2,c;d\n", {}, ("1", "a;b")),
        (b"id,day\n1,\"Feb 1, 2013\"\n2,\"Feb 2, 2013\"\n", {}, ("1", "Feb 1, 2013")),
        (b"id\tnote\n1\ta; b, c | d\n2\te; f, g | h\n", {"delimiter": "\t"}, ("1", "a; b, c | d")),
        (b"'id','note'\n'1','a, b'\n'2','c'\n", {"quote": "'"}, ("1", "a, b")),
        (b"id,note\n1,don't\n2,rock 'n' roll\n", {}, ("1", "don't")),
        (b'id\tsize\n1\t"a\n2\t"b\n3\t"c\n4\td\n5\te"\n', {"delimiter": "\t", "quote": None}, ("1", '"a')),
        (b'id, note, n\n1, "a, b", 2\n2, c, 3\n', {"delimiter": ", "}, ("1", "a, b", "2")),
        (b"note\nHello, world\nwhat, now, then\nfoo\n", {}, ("foo",)),
        (b"id\n1\n2\n", {}, ("1",)),
        (b"Report of sales\n\nid,name\n1,Ann\n", {"skip_rows": 2}, ("1", "Ann")),
        (b"Report,,\n,,\nid,name,n\n1,a,2\n2,b,3\n", {"skip_rows": 2}, ("1", "a", "2")),
        (b"# by, me\n# on, Monday\nid,name\n1,Ann\n2,Bob\n", {"skip_rows": 2}, ("1", "Ann")),
        (b"# by me\n#id,name\n1,Ann\n2,Bob\n", {"skip_rows": 1}, ("1", "Ann")),
        (b"#id,name\n1,Ann\n2,Bob\n", {}, ("1", "Ann")),
        (b"#key,code\nfoo,abc\nbar,A-1\nbaz,A-2\n", {}, ("foo", "abc")),
        (b"a;b\n", {"delimiter": ";"}, None),
        ("id,name\n1,Zoë\n".encode("utf-16-be"), {"encoding": "utf-16-be"}, ("1", "Zoë")),
        ("id,name\n1,Crème brûlée 5 €\n".encode("cp1252"), {"encoding": "cp1252"}, ("1", "Crème brûlée 5 €")),
    ],
)  # fmt: skip
def test_what_is_found(data: bytes, findings: dict[str, Any], first: tuple[str, ...] | None) -> None:
    source = opened(data)
    assert source.options.findings == findings
    rows = drain(source).rows
    assert (rows[0] if rows else None) == first


@pytest.mark.parametrize(
    ("data", "hints"),
    [
        (b"1,Boston|MA\n2,Austin|TX\n", ["--delimiter ','", "--delimiter '|'"]),
        (b"tags\na;b\nc;d\n", ["--delimiter ';'", "--delimiter ','", "--skip-rows"]),
        (b"1,2,mean\n2,3,4\n3,4,5\n", ["--header yes", "--header no"]),
        ("jméno,město\nŽižka,Příbor\nDvořák,Plzeň\nČapek,Třebíč\nJiří,Děčín\n".encode("cp1250"), ["--encoding"]),
        ("имя,город\nПётр,Москва\nИван,Псков\n".encode("cp1251"), ["--encoding"]),  # noqa: RUF001
    ],
)  # fmt: skip
def test_what_is_refused(data: bytes, hints: list[str]) -> None:
    with pytest.raises(SourceError) as caught:
        opened(data)
    assert all(hint in str(caught.value.hint) for hint in hints)


@pytest.mark.parametrize(
    ("data", "options", "rows"),
    [
        (b"id;name\n1;a\n", {"delimiter": ","}, [("1;a",)]),
        (b"1,Boston|MA\n2,Austin|TX\n", {"delimiter": "|", "header": "no"}, [("1,Boston", "MA"), ("2,Austin", "TX")]),
        (b"1,Ann\n2,Bob\n", {"header": "yes"}, [("2", "Bob")]),
        (b"1,Ann\n2,Bob\n", {"header": "a,b"}, [("1", "Ann"), ("2", "Bob")]),
        (b"id,name\n1,Ann\n", {"header": "no"}, [("id", "name"), ("1", "Ann")]),
        (b"'a','b'\n'1','2'\n", {"quote": '"'}, [("'1'", "'2'")]),
        (b"x,1\ny,2\na,b\n1,2\n", {"skip_rows": 2}, [("1", "2")]),
        (b"a\tb\n1\t2\n", {"delimiter": "\\t"}, [("1", "2")]),
        (b"a\x02b\n1\x022\n", {"delimiter": "\\x02"}, [("1", "2")]),
        (b"a,b\n1, x\n", {"delimiter": ", "}, [("1", "x")]),
    ],
)  # fmt: skip
def test_an_option_wins(data: bytes, options: dict[str, Any], rows: list[Any]) -> None:
    assert content(data, **options).rows == rows


def test_few_damaged_bytes_are_not_an_encoding() -> None:
    found = content(b"id,name\n1,Ann\n2,B\xffob\n3,\xfeve\n4,Kim\n")
    assert [row[0] for row in found.rows] == ["1", "4"]
    assert found.reasons == [(3, "bad_encoding"), (4, "bad_encoding")]


def test_a_later_block_decides() -> None:
    """In the first half a megabyte both readings fit."""
    head = "".join(f"{at},Town{at}|MA\n" for at in range(60_000))
    tail = "".join(f"{at},Town{at}\n" for at in range(60_000))
    source = opened((head + tail).encode(), header="no")
    assert source.options.delimiter is None
    assert len(source.columns) == 2


def test_lines_are_counted_from_the_first_of_the_file() -> None:
    found = content(b"Report\n\nid,name\n1,Ann\n2,Bob,x\n3,Eve\n")
    assert found.lines == [4, 6]
    assert found.reasons == [(5, "malformed")]


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["id", "#", ",", '"', "$", "=====", " "], ("id", *(f"column_{at}" for at in range(2, 8)))),
        (["a", "a", "A_", "a 2"], ("a", "a_2", "A__3", "a 2_2")),
        (["", "column_1"], ("column_1_2", "column_1")),
        (["é" * 40, "é" * 40 + "x"], ("é" * 31, "é" * 30 + "_2")),
    ],
)
def test_names(cells: list[str], names: tuple[str, ...]) -> None:
    assert name_columns(cells) == names


def test_names_of_a_table_stay() -> None:
    assert name_columns(["#", "b"], ["#", "b"]) == ("#", "b")


@given(
    rows=st.lists(st.lists(st.text(st.sampled_from('a, "\n1'), max_size=5), min_size=2, max_size=2), max_size=6),
    size=st.integers(1, 20),
)  # fmt: skip
def test_blanks_after_delimiters(rows: list[list[str]], size: int) -> None:
    def field(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    padded = "".join(",  ".join(map(field, row)) + "\n" for row in rows).encode()
    plain = "".join(",".join(map(field, row)) + "\n" for row in rows).encode()
    stream = io.BytesIO(padded)

    class Text:
        def follow(self, rest: bytes | bytearray, size: int, /) -> bytearray:
            return bytearray(rest) + stream.read(size)

    text, found = UnpaddedText(Text(), ",", '"'), bytearray()
    while len(following := text.follow(found, size)) > len(found):
        found = following
    assert found == plain


def test_options_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="invalid number of rows"):
        FileOptions(skip_rows=-1)
    with pytest.raises(SourceError, match="two columns of one name"):
        opened(b"1,2\n", header="a,A")
    with pytest.raises(UsageError, match="invalid delimiter"):
        opened(b"a,b\n", delimiter="ab")


@pytest.mark.parametrize("every", [1, 10])
def test_words_in_quotes_at_the_start_of_a_field_are_text(every: int) -> None:
    rows = [f'{at}\t"The" thing {at}' if at % every == 0 else f"{at}\tword" for at in range(50)]
    data = "\n".join(["id\tname", *rows, ""]).encode()
    source = open_files("-", FileOptions(), stdin=io.BytesIO(data))
    found = drain(source)
    assert (found.rows[0], len(found.rows), found.rejects) == (("0", '"The" thing 0'), 50, [])


def test_damaged_records_do_not_change_the_quote() -> None:
    rows = [f'{at},"a"b,"c,d"' if at % 10 == 0 else f'{at},"word, {at}","c,d"' for at in range(50)]
    found = drain(
        open_files("-", FileOptions(), stdin=io.BytesIO("\n".join(["id,name,x", *rows, ""]).encode()))
    )
    assert (len(found.rows), len(found.rejects), found.rows[0]) == (45, 5, ("1", "word, 1", "c,d"))


@pytest.mark.parametrize(
    ("first", "rows"),
    [
        (["", "1940", "1945"], [["Food", "22.2", "44.5"], ["Clothes", "3.5", "4.1"]]),
        (["", "0", "1", "2"], [["0", "27", "29", "10"], ["1", "59", "53", "14"]]),
        (["", "friends", "advice", "per"], []),
    ],
)
def test_the_header_above_names_of_rows(first: list[str], rows: list[list[str]]) -> None:
    assert judge_first(first, rows) is First.HEADER


@pytest.mark.parametrize(
    ("first", "rows", "found"),
    [
        (["Andorra", "NA", "NA"], [["Angola", "124", "528"], ["Benin", "84", "391"]], First.DATA),
        (["RI", "Na", "Mg"], [["1.52", "13.6", "4.4"], ["1.51", "13.8", "3.6"]], First.HEADER),
        (["0", "1", "2", "3"], [["5", "1", "4", "7"], ["6", "2", "4", "8"]], First.DOUBTFUL),
        (["1", "2", "3", "4"], [["1", "2", "3", "4"], ["6", "2", "4", "8"]], First.DATA),
    ],
)
def test_marks_and_numbers_in_the_first_row(first: list[str], rows: list[list[str]], found: First) -> None:
    assert judge_first(first, rows) is found


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("name:city:age\nAnn:Rome:41\nBob:Oslo:39\n", ":"),
        ("root:x:0:0:root\nann:x:10:7:Ann\nbob:x:11:7:Bob\n", ":"),
        ("at\n10:30:00\n11:30:00\n12:15:10\n", None),
        ("10:30:00\n11:30:00\n12:15:10\n", None),
    ],
)
def test_colons(text: str, delimiter: str | None) -> None:
    source = opened(text.encode())
    source.require_header()
    assert source.options.delimiter == delimiter


def test_colons_without_a_header_are_doubtful() -> None:
    with pytest.raises(SourceError, match="may be separated by ':' or by ','"):
        opened(b"root:0:0\nann:10:7\nbob:11:7\n").require_header()


def test_a_first_row_without_its_key_is_doubtful() -> None:
    assert judge_first(["", "50", "19"], [["2", "16", "40"], ["3", "4", "41"]]) is First.DOUBTFUL


def test_comments_and_footers_do_not_decide_how_a_file_is_written() -> None:
    data = b"# a,b,c\n# d,e,f\nid;name\n# g,h,i\n1;Ann\n2;Bob\n# j,k,l\nTotal, 2, 3, 4\n"
    source = opened(data, comment="#", footer=1)
    assert source.options.findings == {"delimiter": ";"}
    assert drain(source).rows == [("1", "Ann"), ("2", "Bob")]
