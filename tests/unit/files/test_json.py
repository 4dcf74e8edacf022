"""JSON by its content: lines, arrays, objects laid out over lines; damage costs the damaged value only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.files.reading import read
from tests.unit.files.test_jsonl import VALUES, as_text

from penstock.model.errors import SourceError

ROWS = [("1", "a"), ("2", None), ("3", "c")]


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["a", "b", 'c"{', "d\\"]), VALUES), min_size=1, max_size=6),
    block=st.integers(1, 50),
    layout=st.sampled_from(["array", "pretty array", "array by line", "pretty objects", "objects in a row"]),
)
def test_any_objects_read_back_equal(rows: list[dict[str, Any]], block: int, layout: str) -> None:
    rows = [{"a": 0, **row} for row in rows]
    text = {
        "array": json.dumps(rows),
        "pretty array": json.dumps(rows, indent=2),
        "array by line": "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n",
        "pretty objects": "\n".join(json.dumps(row, indent=1) for row in rows),
        "objects in a row": "\n{\n" + "".join(map(json.dumps, rows))[1:],
    }[layout]
    found = read(text.encode(), block=block)
    assert found.columns == tuple(dict.fromkeys(key for row in rows for key in row))
    assert (found.lines, found.rejects) == (list(range(1, len(rows) + 1)), [])
    for row, texts in zip(rows, found.rows, strict=True):
        for name, value in zip(found.columns, texts, strict=True):
            wanted = row.get(name)
            if isinstance(wanted, list | dict):
                assert json.loads(value) == wanted
            else:
                assert value == as_text(wanted, True)


@pytest.mark.parametrize(
    "text",
    [
        '{"id":1,"n":"a"}\n{"id":2}\n{"id":3,"n":"c"}\n',
        '\n \n{"id":1,"n":"a"}\r\n{"id":2}\r\n{"id":3,"n":"c"}',
        '[{"id":1,"n":"a"},{"id":2},{"id":3,"n":"c"}]',
        '\ufeff [ {"id":1,"n":"a"}\n,{"id":2},\n\n {"id":3,"n":"c"} ]\n\n',
        '{\n "id": 1,\n "n": "a"\n}\n{\n "id": 2\n}\n{"id":3,"n":"c"}\n',
        '{"id":1,"n":"a"} {"id":2}\n{"id":3,"n":"c"}\n'.replace("} {", "}\n{"),
    ],
)
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_what_begins_like_json_is_json(text: str, block: int) -> None:
    found = read(text.encode(), block=block)
    assert (found.columns, found.rows, found.rejects) == (("id", "n"), ROWS, [])


def test_csv_where_it_is_said_to_be_csv() -> None:
    assert read(b"[a],b\n1,2\n", format="csv").columns == ("[a]", "b")


@pytest.mark.parametrize("text", ["[a],b\n1,2\n", "{x}\n1\n", '["id", "name"]\n[1, "a"]\n', "[1,2]"])
def test_what_begins_like_json_and_is_none(text: str) -> None:
    with pytest.raises(SourceError, match="as JSON does") as caught:
        read(text.encode())
    assert "--format csv" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "rejected"),
    [
        ('[{"id":1,"n":"a"},{"id":2,"n":"b},{"id":2},{"id":3,"n":"c"}]', [(2, '{"id":2,"n":"b}')]),
        ('[{"id":1,"n":"a"},\n{"id":9,"n":{"x":1,\n{"id":2},{"id":3,"n":"c"}]', [(2, '{"id":9,"n":{"x":1')]),
        ('[{"id":1,"n":"a"},{"id":2,},{"id":2},{"id":3,"n":"c"}]', [(2, '{"id":2,}')]),
        ('[{"id":1,"n":"a"},7,{"id":2},{"id":3,"n":"c"}]', [(2, "7")]),
        ('[{"id":1,"n":"a"},{"id":2},{"id":3,"n":"c"}] ]', [(4, "]")]),
        ('[{"id":1,"n":"a"},{"id":2},{"id":3,"n":"c"}', [(4, "")]),
        ('{\n"id":1,"n":"a"}\n}{"id":2}{"id":3,"n":"c"}', [(2, "}")]),
        ('{\n"id":1,"n":"a"}{"id":2}{"id":3,"n":"c"}{"id":4', [(4, '{"id":4')]),
    ],
)
@pytest.mark.parametrize("block", [1, 1 << 20])
def test_damage_costs_what_is_damaged(text: str, rejected: list[tuple[int, str]], block: int) -> None:
    found = read(text.encode(), block=block)
    assert found.rows == ROWS
    assert [(one.line, one.raw) for one in found.rejects] == rejected
    assert {one.reason.value for one in found.rejects} == {"malformed"}


def test_no_row_is_made_of_what_is_within_a_damaged_value() -> None:
    inner = [{"id": 8}, {"id": 9}]
    rows = [{"id": 1, "n": "a"}, {"id": 2, "n": "b", "in": inner}, {"id": 3, "n": "c"}]
    pretty = json.dumps(rows, indent=1).replace('"b"', '{"b"')
    found = read(pretty.encode())
    assert [row[0] for row in found.rows] == ["1", "3"]
    dense = json.dumps(rows).replace('"b"', '{"b"')
    found = read(dense.encode())
    assert ([row[0] for row in found.rows], found.reasons[0]) == (["1"], (2, "malformed"))


def test_a_value_longer_than_a_record_may_be() -> None:
    text = json.dumps([{"id": 1, "n": "a"}, {"id": 2, "n": "x" * 9000}, {"id": 3, "n": "c"}])
    found = read(text.encode(), block=100, record=1000)
    assert found.rows == [("1", "a"), ("3", "c")]
    assert [one.line for one in found.rejects] == [2]


def test_nothing_in_it_has_a_key() -> None:
    for text in ("[{}]", "[{},{}]"):
        with pytest.raises(SourceError, match="has no columns"):
            read(text.encode())
    assert read(b"[]").columns == ()
