"""Errors name file and line, and no message shows a value."""

from pathlib import Path

import pytest

from penstock.environments import BadEnvironment, PlainSecret, load
from penstock.environments.validate import problems

from .conftest import Write

WAREHOUSE = "connections:\n  warehouse:\n    type: postgres\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: [b\n", 2, "invalid YAML"),
        ("a: b: secret\n", 1, "invalid YAML: mapping values are not allowed"),
        ("a: 1\n---\nb: 2\n", 2, "invalid YAML"),
        ("variables:\n  a: \x07\n", 1, "invalid YAML"),
        ("- a\n", 1, "must be a mapping"),
        ("conections:\n", 1, "unknown section 'conections'"),
        ("connections: []\n", 1, "connections must be a mapping"),
        ("connections:\n  warehouse: db\n", 2, "'warehouse' must be a mapping"),
        ("connections:\n  warehouse:\n", 2, "'warehouse' is empty"),
        ("connections:\n  warehouse: {}\n", 2, "'warehouse' is empty"),
        ("connections:\n  a b: {type: http}\n", 2, "invalid connection name 'a b'"),
        (f"{WAREHOUSE}    hots: db\n", 4, "'warehouse': unknown field 'hots'"),
        (f"{WAREHOUSE}    <<: {{}}\n", 4, "unknown field '<<'"),
        (f"{WAREHOUSE}    type: http\n", 4, "duplicate 'type'"),
        (f"{WAREHOUSE}    database: a\n    schema: b\n", 5, "duplicate database"),
        (f"{WAREHOUSE}    port: 65536\n", 4, "invalid port '65536'"),
        (f"{WAREHOUSE}    port: 54 32\n", 4, "invalid port '54 32'"),
        (f"{WAREHOUSE}    port: enc:0a0b0c0d:xyz\n", 4, "port of connection 'warehouse' cannot be encrypted"),
        (f"{WAREHOUSE}    host: [a]\n", 4, "must be a single value"),
        (f"{WAREHOUSE}    password: !secret abc\n", 4, "tags are not allowed"),
        ("variables:\n  a: !!python/object/apply:os.system [id]\n", 2, "must be a single value"),
        ("variables:\n  a: {b: c}\n", 2, "must be a single value"),
        ("inherits: {a: b}\n", 1, "must be a single value"),
    ],
)
def test_what_a_file_cannot_say(write: Write, text: str, line: int, message: str) -> None:
    with pytest.raises(BadEnvironment) as caught:
        load(write(base=text))
    assert caught.value.message.startswith(f"environments/base.yaml:{line}: "), caught.value.message
    assert message in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.__cause__ is None


def test_no_text_at_all(write: Write) -> None:
    root = write(base="")
    assert load(root).connection_names() == ()
    (root / "environments" / "base.yaml").write_bytes(b"variables:\n  a: \xff\n")
    with pytest.raises(BadEnvironment, match=r"base.yaml:1: cannot be read: UnicodeDecodeError"):
        load(root)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{WAREHOUSE}    password: hunter2\n", 4),
        (f"{WAREHOUSE}    extra:\n      api_key: hunter2\n", 5),
        (f"{WAREHOUSE}    host: https://etl:hunter2@db/\n", 4),
        ("variables:\n  slack_token: hunter2\n", 2),
        ("variables:\n  queue: amqp://etl:hunter2@queue//\n", 2),
    ],
)
def test_plain_secrets_are_refused_with_the_command_that_encrypts_them(
    write: Write, text: str, line: int
) -> None:
    root = write(base=text, prod="inherits: base\n")
    with pytest.raises(PlainSecret, match=f"base.yaml:{line}: .*secret in plain text") as caught:
        load(root, "prod")
    assert caught.value.hint == "penstock env encrypt base"
    assert "hunter2" not in f"{caught.value!r} {caught.value.message}"


def test_an_empty_password_is_none(write: Write) -> None:
    assert load(write(base=f"{WAREHOUSE}    password: ''\n")).connection("warehouse") is not None


def test_a_circle(write: Write) -> None:
    root = write(a="inherits: b\n", b="inherits:\n  - c\n", c="inherits: [a]\n", d="inherits: d\n")
    with pytest.raises(BadEnvironment, match=r"c.yaml:1: circular inheritance: a -> b -> c -> a"):
        load(root, "a")
    with pytest.raises(BadEnvironment, match=r"d.yaml:1: circular inheritance: d -> d"):
        load(root, "d")


def test_unknown_parent(write: Write) -> None:
    root = write(base="", dev="variables: {a: b}\ninherits:\n  - bse\n", up="inherits: ../base\n")
    with pytest.raises(BadEnvironment, match=r"dev.yaml:3: inherits an unknown environment 'bse'") as caught:
        load(root, "dev")
    assert caught.value.hint == "did you mean base?"
    with pytest.raises(BadEnvironment, match=r"up.yaml:1"):
        load(root, "up")


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("connections: {dwh: {host: a}}", "connections: {dwh: {host: b}}", "connection dwh host differs"),
        ("connections: {dwh: {host: a}}", "connections: {dwh: null}", "connection dwh differs"),
        ("connections: {dwh: {same_as: a}}", "connections: {dwh: {host: b}}", "connection dwh differs"),
        ("variables: {region: eu}", "variables: {region: us}", "variable region differs"),
    ],
)
def test_two_parents_that_differ(write: Write, one: str, other: str, what: str) -> None:
    root = write(one=one, other=other, child="inherits: [one, other]\n")
    with pytest.raises(BadEnvironment, match=rf"other.yaml:1: {what} from environments/one.yaml:1") as caught:
        load(root, "child")
    assert caught.value.hint == "define the value in environments/child.yaml"
    root = write(child="inherits: [one, other]\nconnections: {dwh: null}\nvariables: {region: asia}\n")
    assert load(root, "child").variable("region") == "asia"


def test_parents_that_agree_or_inherit_from_one_another_do_not_differ(write: Write) -> None:
    root = write(
        base="connections: {dwh: {type: postgres, host: a}}",
        left="inherits: base\nconnections: {dwh: {host: b}}",
        right="inherits: base\nconnections: {dwh: {login: etl}}",
        other="connections: {dwh: {login: etl}}",
        child="inherits: [left, right, other]\n",
    )
    assert load(root, "child").shown("dwh") == {"type": "postgres", "host": "b", "login": "etl"}


def test_links(write: Write) -> None:
    root = write(
        base="""
        connections:
          a: {same_as: b}
          b: {same_as: a}
          c: {same_as: nowhere}
          d: {host: db}
        """
    )
    environment = load(root)
    for name, message in (
        ("a", r"base.yaml:3: circular same_as: a -> b -> a"),
        ("c", r"base.yaml:4: same_as of connection 'c' names an unknown connection 'nowhere'"),
        ("d", r"base.yaml:5: connection 'd' has no type"),
    ):
        with pytest.raises(BadEnvironment, match=message):
            environment.connection(name)


def test_check_finds_everything_at_once(write: Write) -> None:
    root = write(
        base="""
        connections:
          warehouse: {type: postgres, host: db}
          reporting: {same_as: wharehouse}
          odd: {login: x}
          api: {type: http, host: x, password: plain}
        variables:
          token: plain
        """
    )
    assert [problem.message for problem in problems(root, "base")] == [
        "environments/base.yaml:5: password of connection 'api' is a secret in plain text",
        "environments/base.yaml:7: variable 'token' is a secret in plain text",
        "environments/base.yaml:2: connection 'warehouse' (postgres) has no login",
        "environments/base.yaml:2: connection 'warehouse' (postgres) has no database",
        "environments/base.yaml:3: same_as of connection 'reporting' names an unknown connection 'wharehouse'",
        "environments/base.yaml:4: connection 'odd' has no type",
    ]


def test_no_environments(tmp_path: Path) -> None:
    assert [problem.message for problem in problems(tmp_path, "base")] == ["unknown environment 'base'"]
