"""JSON without the loss of a digit, and records as columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.model.api import Answers
from penstock.rest.lake.exact_json import Malformed, as_text, parse, render
from penstock.rest.lake.extraction import Extraction, Found, flatten

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_a_document_is_written_as_it_was_read(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert json.loads(render(parse(text))) == json.loads(text)


def test_numbers_are_their_texts() -> None:
    assert (
        render(parse("[1.10,1e400, -0, 12345678901234567890.5]"))
        == "[1.10, 1e400, -0, 12345678901234567890.5]"
    )


@pytest.mark.parametrize("text", ["", "{", '{"a": }', "{} {}", "[1,]", "nul", "[" * 100_000, '{"a": "\n"}'])
def test_what_is_no_document(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


RECORD = '{"id": 7, "main": {"temp": 1.50, "on": true}, "tags": ["a", {"b": 2}], "note": null}'


def rows(columns: dict[str, str], *records: str) -> tuple[list[dict[str, Any]], dict[int, Any]]:
    found = Found([parse(record) for record in records], [{"status": "200"}] * len(records))
    batch, faults = Extraction(Answers(columns=columns)).rows(found)
    return batch.to_pylist(), faults


def test_columns_are_found_by_their_paths() -> None:
    columns = {
        "id": "id",
        "temp": "main.temp",
        "on": "main.on",
        "first": "tags.0",
        "b": "tags.1.b",
        "last": "tags[-1].b",
        "none": "tags.9",
        "tags": "tags",
        "note": "note",
        "status": "$status",
        "all": ".",
    }
    ((row,), faults) = rows(columns, RECORD)
    assert not faults
    assert row == {
        "id": "7",
        "temp": "1.50",
        "on": "true",
        "first": "a",
        "b": "2",
        "last": "2",
        "none": None,
        "tags": '["a", {"b": 2}]',
        "note": None,
        "status": "200",
        "all": RECORD,
    }


def test_a_member_of_what_has_none_is_a_fault_of_its_column() -> None:
    found, faults = rows(
        {"temp": "main.temp"}, RECORD, '{"main": "warm"}', '{"main": [1]}', '{"main": null}', "{}"
    )
    assert [row["temp"] for row in found] == ["1.50", None, None, None, None]
    assert {at: (fault.reason, fault.column) for at, fault in faults.items()} == {
        1: ("bad_type", "temp"),
        2: ("bad_type", "temp"),
    }
    assert faults[1].message == "main is 'warm', and has no 'temp'"


def test_a_record_without_columns_is_flattened() -> None:
    assert flatten(parse(RECORD)) == {
        "id": "7",
        "main_temp": "1.50",
        "main_on": "true",
        "tags": '["a", {"b": 2}]',
        "note": None,
    }
    assert as_text(parse("{}")) == "{}"
