from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.cleaning import reason, values

from penstock.engine.cleaning.cleaner import NeedsServer


def test_booleans() -> None:
    for texts, answer in (
        (["true", "TRUE", "t", "Yes", "y", "on", "1", " true "], True),
        (["false", "F", "no", "N", "oFF", "0"], False),
    ):
        assert values("boolean", *texts) == [answer] * len(texts)


@pytest.mark.parametrize(
    "text", ["maybe", "2", "tr", "of", "t_", "t\0", "\x11", "\x10", "truee", "yes no", "ﬀ", "00"]
)
def test_no_boolean(text: str) -> None:
    assert reason("boolean", text) == "bad_type"


@given(st.lists(st.uuids()))
def test_uuids_in_each_form(ids: list[uuid.UUID]) -> None:
    forms = [str(one) for one in ids] + [str(one).upper() for one in ids] + [one.hex for one in ids]
    forms += [f"{{{one}}}" for one in ids] + [
        "-".join(one.hex[at : at + 4] for at in range(0, 32, 4)) for one in ids
    ]
    assert values("uuid", *forms) == [one.bytes for one in ids] * 5


@pytest.mark.parametrize("text", ["", "x", "{}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g"])
def test_no_uuid(text: str) -> None:
    for odd in (f"{text}-", "a0eebc99x9c0b-4ef8-bb6d-6bb9bd380a11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11"):
        assert reason("uuid", odd) == "bad_type"


@given(st.lists(st.binary()))
def test_bytes(contents: list[bytes]) -> None:
    assert values("bytea", *[f"\\x{content.hex()}" for content in contents]) == contents
    assert values("bytea", *[f"\\x{content.hex(' ').upper()}" for content in contents]) == contents


def test_odd_bytes() -> None:
    assert reason("bytea", "\\x0") == "bad_type"
    assert reason("bytea", "\\xzz") == "bad_type"
    with pytest.raises(NeedsServer):
        values("bytea", "abc\\000")
    assert values("bytea", "abc\\000", as_text=True) == ["abc\\000"]


def test_bytes_are_exact() -> None:
    for text in ("NA", "", " abc ", "null"):
        assert values("bytea", text, as_text=True) == [text]
    assert values("bytea", "-", None, as_text=True, null_values=("-",)) == [None, None]


@pytest.mark.parametrize(
    ("kind", "text", "written"),
    [
        ("integer[]", "[1, null, -20]", '{"1",NULL,"-20"}'),
        ("text[]", r'["a,b", "c\"d\\e", "", "NULL", null, "{}"]', r'{"a,b","c\"d\\e","","NULL",NULL,"{}"}'),
        ("numeric[]", "[[1.10], [2e3]]", '{{"1.10"},{"2e3"}}'),
        ("boolean[]", " [true, false] ", '{"true","false"}'),
        ("text[]", "[]", "{}"),
        (
            "jsonb[]",
            '["1", 1.10, {"a": [1.10, "é"]}, [2]]',
            r'{"\"1\"","1.10","{\"a\": [1.10, \"é\"]}","[2]"}',
        ),
        ("integer[]", "[0:1]={1,2}", "[0:1]={1,2}"),
        ("integer[]", "{1,2}", "{1,2}"),
        ("integer[]", "[1,", "[1,"),
        ("bytea[]", '["00ff"]', '["00ff"]'),
    ],
)
def test_json_arrays_become_arrays(kind: str, text: str, written: str) -> None:
    assert values(kind, text, None) == [written, None]
