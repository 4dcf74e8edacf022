"""The published schema and what files may say are the same."""

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

from penstock.environments import BadEnvironment
from penstock.environments.parse_file import FIELDS, SECTIONS, parse
from penstock.environments.validate import schema, schema_text

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference" / "environment.schema.json"

GOOD = [
    "",
    "inherits: base\n",
    "inherits: [a, b]\nconnections:\nvariables: {a: 1, b: true, c: null, d: x}\n",
    "connections: {w: {type: postgres, port: 5432, host: null, extra: {a: 1, b: null}}, old: null}\n",
    "connections: {w: {type: odd, schema: s, login: 5, password: 'enc:0a1b2c3d:gAAAA'}, l: {same_as: w}}\n",
]
BAD = [
    "inherit: base\n",
    "connections: [a]\n",
    "connections: {w: {hots: db}}\n",
    "connections: {w: {port: 70000}}\n",
    "connections: {'a b': {type: x}}\n",
    "connections: {w: {host: [a]}}\n",
    "variables: {a: [1]}\n",
]


def test_the_published_schema_is_the_current_one() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text(), (
        "penstock env schema > docs/reference/environment.schema.json"
    )


def test_the_schema_knows_every_field() -> None:
    found = schema()
    assert tuple(found["properties"]) == SECTIONS
    assert set(found["$defs"]["ConnectionEntry"]["properties"]) == set(FIELDS)
    for model in (found, *found["$defs"].values()):
        assert all("description" in one for one in model["properties"].values())


@pytest.mark.parametrize("text", GOOD)
def test_what_the_schema_accepts_is_read(text: str) -> None:
    jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(text) or {})
    parse(text, "x.yaml", "x")


@pytest.mark.parametrize("text", BAD)
def test_what_the_schema_refuses_is_refused(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(text))
    with pytest.raises(BadEnvironment):
        parse(text, "x.yaml", "x")


def test_a_plain_password_is_marked_in_the_editor() -> None:
    with pytest.raises(jsonschema.ValidationError, match="does not match"):
        jsonschema.validate({"connections": {"w": {"password": "hunter2"}}}, schema())
    assert json.loads(schema_text()) == schema()
