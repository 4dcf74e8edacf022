"""JSON Lines: no digit is lost."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.files.reading import Content, read

from penstock.files.source import open_files
from penstock.model.errors import SourceError
from penstock.model.file_options import FileOptions


def read_jsonl(text: str, **options: Any) -> Content:
    return read(text.encode(), format="jsonl", **options)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text('ab{}[],:"\\', max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["a", "b", 'c"{', "d\\"]), VALUES), max_size=6),
    block=st.integers(1, 50),
    ascii_only=st.booleans(),
)
def test_any_objects_read_back_equal(rows: list[dict[str, Any]], block: int, ascii_only: bool) -> None:
    rows.append({"a": 0})
    found = read_jsonl("".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows), block=block)
    assert found.columns == tuple(dict.fromkeys(key for row in rows for key in row))
    assert found.lines == list(range(1, len(rows) + 1))
    for row, texts in zip(rows, found.rows, strict=True):
        assert texts == tuple(as_text(row.get(name), ascii_only) for name in found.columns)


def as_text(value: Any, ascii_only: bool) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=ascii_only)


def test_numbers_keep_their_digits() -> None:
    found = read_jsonl('{"a": 1.10, "b": 12345678901234567890, "c": 1E400, "d": -0.0}\n')
    assert found.rows == [("1.10", "12345678901234567890", "1E400", "-0.0")]


def test_nested_values_keep_their_text() -> None:
    found = read_jsonl('  { "a" : {"x":  1.50} ,"b":[true, "é"] , "c":true,"d":null,"e":"t" }  \r\n')
    assert found.rows == [('{"x":  1.50}', '[true, "é"]', "true", None, "t")]


def test_columns_are_the_union_in_order_of_appearance() -> None:
    found = read_jsonl('{"b":1}\n\n{"a":2,"b":3}\n{}\n', block=3)
    assert found.columns == ("b", "a")
    assert (found.rows, found.lines) == ([("1", None), ("3", "2"), (None, None)], [1, 3, 4])


@pytest.mark.parametrize(
    ("line", "reason", "message"),
    [
        ('{"a":1', "malformed", "invalid JSON: Expecting ',' delimiter at character 7"),
        ("nothing", "malformed", "invalid JSON: a value is missing at character 1"),
        ("[1]", "malformed", "not a JSON object"),
        ("12", "malformed", "not a JSON object"),
        ('{"a":1}{"a":2}', "malformed", "more than one JSON value: the second begins at character 8"),
        ('{"a":1,"a":2}', "malformed", "a key comes twice"),
        ('{"a":' * 100_000, "malformed", "nested too deeply"),
        ('{"a":"x\\u0000"}', "bad_encoding", "'a' holds a NUL or a lone surrogate"),
        ('{"a":"\\ud800"}', "bad_encoding", "'a' holds a NUL or a lone surrogate"),
    ],
)
def test_lines_that_are_no_object(line: str, reason: str, message: str) -> None:
    found = read_jsonl('{"a":0}\n' + line + '\n{"a":3}\n')
    assert found.rows == [("0",), ("3",)]
    assert [(one.line, one.raw, one.reason.value, one.message) for one in found.rejects] == [
        (2, line, reason, message)
    ]


def test_bytes_that_are_no_text() -> None:
    found = read(b'{"a":0}\n{"a":"\xff"}\n{"a":"\x00"}\n', format="jsonl")
    assert [(one.line, one.raw, one.reason.value) for one in found.rejects] == [
        (2, '{"a":"\\xff"}', "bad_encoding"),
        (3, '{"a":"\\x00"}', "bad_encoding"),
    ]


def test_an_array_is_no_json_lines() -> None:
    with pytest.raises(SourceError, match="is a JSON array"):
        read_jsonl('[\n{"a":1}\n]\n')


def test_keys_that_are_one_column() -> None:
    with pytest.raises(SourceError, match="two columns of one name: 'SaleID' and 'sale_id'"):
        read_jsonl('{"SaleID":1}\n{"sale_id":2}\n')


def test_objects_without_any_key() -> None:
    with pytest.raises(SourceError, match="has no columns"):
        read_jsonl("{}\n{}\n")
    assert read_jsonl("").columns == ()


def test_json_texts_keep_their_quotes() -> None:
    data = b'{"a":"123","b":1}\nno json\n{"b":2}\n{"a" : {"x":  1.50} }\n{"a":null}\n{"a":"\\u00e9"}\n'
    (batch,) = open_files("-", FileOptions(format="jsonl"), stdin=io.BytesIO(data), detect=False).batches()
    assert batch.json is not None
    assert batch.json("a").to_pylist() == ['"123"', None, '{"x":  1.50}', None, '"\\u00e9"']
    assert batch.json("b").to_pylist() == ["1", "2", None, None, None]
