"""Merging is associative, and what is explained is what is shown, stands where it is said to, and is what is used."""

from pathlib import Path

import hypothesis.strategies as st
import yaml
from hypothesis import HealthCheck, given, settings

from penstock.environments import Environment
from penstock.environments.environment import show
from penstock.environments.errors import BadEnvironment
from penstock.environments.inheritance import merge_lineage
from penstock.environments.keys import Keys
from penstock.environments.layer import EXTRA, LINK, Layer, merge
from penstock.environments.parse_file import EnvironmentFile, parse

CONNECTIONS = ("a", "b", "c")
TEXTS = st.one_of(st.none(), st.sampled_from(["x", "y", "5432"]))
ENTRIES = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "type": TEXTS,
            "host": TEXTS,
            "login": TEXTS,
            "port": st.sampled_from([None, "1", "2"]),
            "extra": st.dictionaries(st.sampled_from(["m", "n"]), TEXTS, min_size=1),
            LINK: st.sampled_from([None, *CONNECTIONS]),
        },
    ).filter(bool),
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "connections": st.dictionaries(st.sampled_from(CONNECTIONS), ENTRIES),
        "variables": st.dictionaries(st.sampled_from(["v", "w"]), TEXTS),
    }
)


def files(*documents: object) -> list[EnvironmentFile]:
    """A chain of environments, each inheriting the one before."""
    found = []
    for number, document in enumerate(documents):
        parent = f"inherits: e{number - 1}\n" if number else ""
        found.append(parse(parent + yaml.safe_dump(document), f"environments/e{number}.yaml", f"e{number}"))
    return found


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_merging_is_associative(one: object, two: object, three: object) -> None:
    first, second, third = (file.layer for file in files(one, two, three))
    left, right = merge(merge(first, second), third), merge(first, merge(second, third))
    assert left == right
    assert merge(Layer(), left) == merge(left, Layer()) == left


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(DOCUMENTS, min_size=1, max_size=4))
def test_explain_agrees_with_show_and_with_the_files(documents: list[object]) -> None:
    chain = files(*documents)
    lines = {
        f"environments/e{number}.yaml": (
            (f"inherits: e{number - 1}\n" if number else "") + yaml.safe_dump(document)
        ).splitlines()
        for number, document in enumerate(documents)
    }
    layer = merge_lineage(chain)
    environment = Environment("e", layer, lambda: Keys(()))
    for name in environment.connection_names():
        try:
            shown = dict(environment.shown(name))
        except BadEnvironment:
            continue  # a link to nothing, or in a circle
        explained = environment.explain(name) if shown else ()
        assert {one.field: one.value for one in explained if one.kind == "connection"} == shown
        assert dict(environment.reveal(name)) == shown, "nothing here is a secret"
        for one in explained:
            line = lines[one.file][one.line - 1]
            assert one.field.removeprefix(EXTRA) in line
            assert one.value in line
            assert f"environments/{one.environment}.yaml" == one.file
    for name in environment.variable_names():
        value = environment.explain_variable(name)
        assert value.value == environment.variable(name) == show(name, layer.variables[name])


@given(st.lists(DOCUMENTS, min_size=2, max_size=4))
def test_a_chain_never_contradicts_itself(documents: list[object]) -> None:
    merge_lineage(files(*documents))


def test_the_strategies_make_what_they_should(tmp_path: Path) -> None:
    (file,) = files({"connections": {"a": {"host": None, LINK: "b"}, "b": None}, "variables": {}})
    assert file.layer.connections["a"].fresh
    assert file.layer.connections["b"].excluded
