"""Edits change what they should, and not one character besides."""

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import given

from penstock.environments.yaml_edit import put, remove, scalar

TEXT = """\
# The systems of the shop.
inherits: base

connections:
  # ours
  warehouse:
    type: postgres   # bundled
    host: "db"

    extra: {sslmode: require, options: ''}
  old: null
  flow: {type: http, host: 'x'}   # theirs

# and the rest
variables:
    region: eu

    note: |
      two
      lines
    last: 1
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("connections", "warehouse", "host"), "x.y", '    host: "db"', "    host: x.y"),
        (("connections", "warehouse", "type"), "a: b", "postgres   # bundled", '"a: b"   # bundled'),
        (("connections", "warehouse", "port"), "5432", "options: ''}\n", "options: ''}\n    port: 5432\n"),
        (("connections", "warehouse", "extra", "sslmode"), None, "require", "null"),
        (("connections", "warehouse", "extra", "a"), "b", "options: ''", "options: '', a: b"),
        (("connections", "flow", "extra", "a"), "b", "host: 'x'", "host: 'x', extra: {a: b}"),
        (("connections", "old", "type"), "http", "  old: null\n", "  old:\n    type: http\n"),
        (("connections", "new", "type"), "http", "# theirs\n", "# theirs\n  new:\n    type: http\n"),
        (("connections", "new"), None, "# theirs\n", "# theirs\n  new: null\n"),
        (("variables", "region"), "", "region: eu", 'region: ""'),
        (("variables", "new"), "x", "    last: 1\n", "    last: 1\n    new: x\n"),
        (("variables", "note"), "one", "|\n      two\n      lines\n", "one\n"),
        (("inherits",), "prod", "inherits: base", "inherits: prod"),
        (("else", "a", "b"), "c", "    last: 1\n", "    last: 1\nelse:\n  a:\n    b: c\n"),
    ],
)
def test_put(path: Sequence[str], value: str | None, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert put(TEXT, path, value) == TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("path", "old"),
    [
        (("connections", "warehouse", "host"), '    host: "db"\n'),
        (("connections", "warehouse", "extra", "sslmode"), "sslmode: require, "),
        (("connections", "warehouse", "extra", "options"), ", options: ''"),
        (("connections", "old"), "  old: null\n"),
        (("connections", "flow"), "  flow: {type: http, host: 'x'}   # theirs\n"),
        (("variables", "note"), "    note: |\n      two\n      lines\n"),
        (("inherits",), "inherits: base\n"),
        (("connections", "nowhere", "host"), ""),
        (("inherits", "a"), ""),
    ],
)
def test_remove(path: Sequence[str], old: str) -> None:
    assert remove(TEXT, path) == TEXT.replace(old, "", 1)


def test_the_last_one_takes_its_mapping_along() -> None:
    assert (
        remove("a: 1\nconnections:\n  x:\n    extra: {b: c}\n", ("connections", "x", "extra", "b"))
        == "a: 1\n"
    )
    assert remove("connections:\n  x:\n    host: a", ("connections", "x")) == ""


@pytest.mark.parametrize(
    "text", ["", "# only this\n", "# only this", "connections:\n", "connections: # none\n", "{}\n"]
)
def test_put_where_there_is_nothing(text: str) -> None:
    changed = put(text, ("connections", "x", "host"), "db")
    assert yaml.safe_load(changed) == {"connections": {"x": {"host": "db"}}}
    assert all(comment in changed for comment in ("# only this", "# none") if comment in text)


@pytest.mark.parametrize(
    "text", ["a", "null", "~", "", " a", "a ", "a: b", "a #b", "{a", "- a", "'", '"', "a\nb", "é☃", "!x"]
)
def test_a_scalar_reads_back(text: str) -> None:
    for document in (f"k: {scalar(text)}\n", f"{{k: {scalar(text)}, l: m}}\n"):
        node = yaml.compose(document, Loader=yaml.SafeLoader)
        assert isinstance(node, yaml.MappingNode)
        assert node.value[0][1].value == text
        assert not node.value[0][1].tag.endswith("null")


NAMES = st.text("abz_é", min_size=1, max_size=3)
VALUES = st.one_of(
    st.none(), st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")), max_size=8)
)
TREES = st.dictionaries(
    NAMES,
    st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), max_size=3),
    max_size=3,
)


@given(TREES, st.booleans(), st.lists(st.tuples(NAMES, NAMES, NAMES, VALUES), max_size=5))
def test_any_edits_of_any_tree(
    tree: dict[str, Any], flow: bool, edits: list[tuple[str, str, str, str | None]]
) -> None:
    text = yaml.dump(tree, allow_unicode=True, default_flow_style=flow) if tree else ""
    for *path, value in edits:
        text = put(text, path, value)
        inner = tree
        for name in path[:-1]:
            inner[name] = inner.get(name) or {}
            inner = inner[name]
        inner[path[-1]] = value
        assert texts(text) == plain(tree)
    for *path, _ in edits:
        text = remove(text, path)
        forget(tree, path)
        assert texts(text) == plain(tree)


class Texts(yaml.SafeLoader):
    """Takes every value but null as the text that it is."""

    yaml_constructors = {  # noqa: RUF012  # as its base has it
        **yaml.SafeLoader.yaml_constructors,
        **{
            f"tag:yaml.org,2002:{kind}": yaml.SafeLoader.construct_yaml_str
            for kind in ("int", "float", "bool", "timestamp")
        },
    }


def texts(text: str) -> dict[str, str | None]:
    """What stands in a document, by joined names; empty mappings count for nothing."""

    return plain(yaml.load(text, Loader=Texts) or {})


def plain(tree: dict[str, Any], above: str = "") -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= plain(value, f"{above}/{name}")
        else:
            found[f"{above}/{name}"] = value
    return found


def forget(tree: dict[str, Any], path: Sequence[str]) -> None:
    inner = tree
    for name in path[:-1]:
        inner = inner.get(name) or {}
    inner.pop(path[-1], None)
