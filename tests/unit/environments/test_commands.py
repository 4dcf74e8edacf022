import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.cli.lazy_commands import LazyGroup
from penstock.cli.main import main
from penstock.environments import load
from penstock.environments.keys import find_keys

from .conftest import Write

Run = Callable[..., str]


@pytest.fixture
def root(write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which commands run without a terminal."""
    found = write()
    monkeypatch.chdir(found)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return found


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `penstock ...` and returns what it prints, if it ends with the code expected."""

    def run_command(line: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(line.split()) == code, capsys.readouterr()
        out, err = capsys.readouterr()
        return out + err

    return run_command


def type_in(monkeypatch: pytest.MonkeyPatch, text: str, *, terminal: bool = False) -> None:
    stream = io.StringIO(text)
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", stream)


def answer(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[tuple[str, bool]]:
    """Answers a form's questions; what was asked, and whether the answer was hidden, is returned."""
    type_in(monkeypatch, "", terminal=True)
    given, asked = list(answers), list[tuple[str, bool]]()

    def prompt(text: str, default: str | None = None, hide_input: bool = False, **_: object) -> str:
        asked.append((text, hide_input))
        return given.pop(0) or default or ""

    monkeypatch.setattr("typer.prompt", prompt)
    return asked


def test_a_project_from_nothing(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no environments yet" in run("env list")
    assert "no connections yet" in run("connection list")
    assert "no variables yet" in run("variable list")
    type_in(monkeypatch, "hunter2\n")
    run("connection add warehouse --type postgres --host db --login etl --database dwh --password-stdin")
    (root / "environments" / "prod.yaml").write_text("inherits: base  # shared\n")
    run("connection set warehouse --env prod --host db.prod --extra sslmode=require")
    run("variable set region eu")
    run("variable set region us --env prod")
    warehouse = load(root, "prod").connection("warehouse")
    assert warehouse is not None
    assert warehouse.password is not None
    assert (warehouse.host, warehouse.password.reveal()) == ("db.prod", "hunter2")
    assert (root / "environments" / "prod.yaml").read_text() == (
        "inherits: base  # shared\nconnections:\n  warehouse:\n    host: db.prod\n    extra:\n      sslmode: require\n"
        "variables:\n  region: us\n"
    )
    assert "db.prod" in run("--env prod connection list")
    assert run("variable get region --env prod") == "us\n"
    assert "nothing wrong" in run("env check")
    listed = json.loads(run("env list --json"))
    assert listed == [
        {"name": "base", "inherits": [], "used": True},
        {"name": "prod", "inherits": ["base"], "used": False},
    ]
    shown = json.loads(run("env show prod --json"))
    assert shown["connections"]["warehouse"]["password"] == "***"
    assert shown["variables"] == {"region": "us"}
    differences = {
        (one["name"], one["field"]): (one["one"], one["other"])
        for one in json.loads(run("env diff base prod --json"))
    }
    assert differences == {
        ("region", "variable"): ("eu", "us"),
        ("warehouse", "extra.sslmode"): (None, "require"),
        ("warehouse", "host"): ("db", "db.prod"),
    }
    assert "are the same" in run("env diff prod prod")
    fields = {one["field"]: one for one in json.loads(run("env explain warehouse --env prod --json"))}
    assert (fields["host"]["file"], fields["host"]["line"]) == ("environments/prod.yaml", 4)
    assert "environments/base.yaml:6" in run("env explain warehouse --env prod")


def test_removing(root: Path, run: Run) -> None:
    run("connection add api --type http --host https://api.example.com")
    run("connection add twin --same-as api")
    (root / "environments" / "dev.yaml").write_text("inherits: base\n")
    assert "removed from environments/dev.yaml" in run("connection remove twin --env dev")
    assert load(root, "dev").connection_names() == ("api",)
    assert load(root, "base").connection_names() == ("api", "twin")
    assert "excludes 'twin'" in run("connection remove twin --env dev", 2)
    run("variable set a b")
    run("variable remove a --env dev")
    assert load(root, "dev").variable_names() == ()
    run("connection remove twin")
    run("connection remove api")
    run("variable remove a")
    assert load(root, "base").connection_names() == ()
    assert "unknown name 'a'" in run("variable remove a", 2)


def test_fields_can_be_taken_away(root: Path, run: Run) -> None:
    run("connection add dwh --type postgres --host h --login l --database d --extra sslmode=require")
    (root / "environments" / "dev.yaml").write_text("inherits: base\n")
    run("connection set dwh --env dev --login x")
    run("connection set dwh --env dev --unset login --unset extra.sslmode")
    dwh = load(root, "dev").connection("dwh")
    assert dwh is not None
    assert (dwh.login, dict(dwh.extra), dwh.host) == (None, {}, "h")
    run("connection set dwh --unset extra.sslmode --type generic --unset login")
    assert load(root, "base").shown("dwh") == {"type": "generic", "host": "h", "database": "d"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("connection add x", "needs a type"),
        ("connection add x --type postgres --host h", "needs login, database"),
        ("connection add x --type http --host https://", "names no host"),
        ("connection add x --type http --host https://u:p@h/", "remove login and password from"),
        ("connection add x --type generic --port 70000", "a port is a number"),
        ("connection add x --type generic --extra sslmode", "invalid field"),
        (
            "connection add x --type generic --from-env password=NOT_THERE",
            "environment variable NOT_THERE is not set",
        ),
        ("connection add x --type generic --from-env pasword=HOME", "did you mean password?"),
        ("connection add x --type generic --password-stdin", "standard input is empty"),
        ("connection add x --same-as nowhere", "unknown connection 'nowhere'"),
        ("connection add a/b --type generic", "invalid connection name"),
        ("connection set nowhere --host h", "unknown name 'nowhere'"),
        ("connection list --env nowhere", "unknown environment 'nowhere'"),
        ("variable set a", "needs a value"),
        ("variable set a --from-env NOT_THERE", "environment variable NOT_THERE is not set"),
        ("env explain nowhere", "unknown name 'nowhere'"),
        ("--env nowhere env show", "unknown environment 'nowhere'"),
    ],
)
def test_misuse(root: Path, run: Run, line: str, message: str) -> None:
    out = run(line, 1 if "invalid connection name" in message or "unknown connection" in message else 2)
    assert message in out
    assert not list((root / "environments").iterdir()), "nothing was written"


def test_add_does_not_overwrite(root: Path, run: Run) -> None:
    run("connection add a --type generic --host h")
    assert "connection set a" in run("connection add a --type generic --host i", 2)
    assert "nothing to change" in run("connection set a", 2)


def test_secrets_on_the_command_line_are_warned_of(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "hunter2")
    for line in (
        "connection add a --type generic --password hunter2",
        "connection add b --type generic --extra api_key=hunter2",
        "variable set token hunter2",
        "variable set plain hunter2 --secret",
    ):
        out = run(line)
        assert "warning: " in out
        assert "hunter2" not in out
    for line in (
        "connection add c --type generic --from-env password=PW --from-env extra.token=PW",
        "variable set other_token --from-env PW",
    ):
        assert "warning" not in run(line)
    text = (root / "environments" / "base.yaml").read_text()
    assert "hunter2" not in text
    assert text.count("enc:") == 7
    assert "hunter2" not in run("env show") + run("env explain a") + run("variable list") + run(
        "connection list --json"
    )
    assert "is a secret" in run("variable get token", 2)
    assert run("variable get token --reveal") == "hunter2\n"


def test_the_form_asks_for_the_fields_of_the_type(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch, "postgres", "db", "543Z", "", "etl", "hunter2", "dwh", "")
    out = run("connection add warehouse")
    assert "port: a port is a number from 1 to 65535" in out
    assert "hunter2" not in out
    assert [hidden for _, hidden in asked] == [False, False, False, False, False, True, False, False]
    assert dict(load(root).reveal("warehouse")) == {
        "type": "postgres", "host": "db", "port": "5432", "login": "etl", "password": "hunter2", "database": "dwh"
    }  # fmt: skip
    asked = answer(monkeypatch, "https://api.example.com", "", "", "", "")
    run("connection add api --type http")
    assert len(asked) == 5
    asked = answer(monkeypatch, "tiger")
    run("connection set warehouse --ask password")
    assert asked == [("password", True)]
    assert load(root).reveal("warehouse")["password"] == "tiger"
    assert answer(monkeypatch) == []
    run("connection add quiet --type generic --no-input")
    asked = answer(monkeypatch, "lion")
    run("variable set my_token")
    assert asked == [("my_token", True)]


def test_variables_from_standard_input(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "-----BEGIN\nline: #2\n-----END\n")
    run("variable set private_key --stdin")
    assert load(root).variable("private_key") == "-----BEGIN\nline: #2\n-----END"
    type_in(monkeypatch, '{"a": [1, "b"]}\n')
    run("variable set settings --stdin")
    assert run("variable get settings") == '{"a": [1, "b"]}\n'


def test_check_encrypt_and_rotate(root: Path, run: Run, write: Write) -> None:
    write(base="variables:\n  token: hunter2\n", dev="inherits: base\nconnections:\n  a: {host: x}\n")
    out = run("env check", 1)
    assert (
        out.count("base.yaml:2: variable 'token' is a secret in plain text (penstock env encrypt base)") == 1
    )
    assert "dev.yaml:3: connection 'a' has no type" in out
    assert "2 problems" in out
    found = json.loads(run("env check dev --json", 1).partition("error:")[0])
    assert [one["environment"] for one in found] == ["dev", "dev"]
    assert "hunter2" not in out
    assert run("env encrypt base") == "environments/base.yaml:2: encrypted\n"
    assert "no plain-text secrets" in run("env encrypt base")
    before = find_keys(root).ids
    assert "1 secret is now encrypted" in run("env rotate")
    assert find_keys(root).ids[1:] == before
    run("env rotate --forget")
    assert len(find_keys(root).ids) == 1
    (root / ".penstock" / "key").unlink()
    assert "no key for a secret" in run("env check base", 1)
    assert "nothing wrong" in run("env check base --no-secrets")
    assert "no key for a secret" in run("env diff base dev", 1)


def test_nothing_to_check_and_nothing_to_take_in(root: Path, run: Run) -> None:
    output = run("env check", 5)
    assert "nothing wrong" not in output
    assert output.startswith("error: nothing to check: the project has no environments")
    assert run("env check --json", 5).startswith("[]\n")
    (root / "empty.env").write_text("# nothing here\n")
    output = run("env import empty.env", 5)
    assert "error: no connections or variables found in empty.env" in output
    assert "hint: read as env; see --format" in output
    (root / "dags").mkdir()
    (root / "dags" / "a.py").write_text(
        "from airflow.sdk import Variable\nVariable.get('AIRFLOW_VAR', default=1)\n"
    )
    assert "nothing to check" not in run("env check")


def test_schema_is_printed(root: Path, run: Run) -> None:
    assert json.loads(run("env schema"))["title"] == "EnvironmentDocument"


def test_the_option_env_holds_for_one_command(root: Path, run: Run, write: Write) -> None:
    write(base="variables: {a: base}\n", dev="variables: {a: dev}\n", prod="variables: {a: prod}\n")
    assert run("--env dev variable get a") == "dev\n"
    assert run("--env dev variable get a --env prod") == "prod\n"
    assert run("variable get a") == "base\n"
    assert "PENSTOCK_ENV" not in os.environ


def test_other_peoples_changes_are_kept(root: Path, write: Write) -> None:
    from penstock.environments.file_edit import Draft
    from penstock.model.errors import PenstockError

    write(base="variables:\n  a: b\n")
    draft = Draft(root, "base")
    draft.put(("variables", "a"), "c")
    write(base="variables:\n  a: d\n")
    with pytest.raises(PenstockError, match="another process changed"):
        draft.save()


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_modes_stay_as_they_were(root: Path, run: Run, write: Write, mark: str) -> None:
    path = write(base="") / "environments" / "base.yaml"
    path.write_bytes(f"{mark}# é\r\nvariables:\r\n  a: b\r\n".encode())
    path.chmod(0o640)
    run("variable set c d")
    assert path.read_bytes().decode() == f"{mark}# é\r\nvariables:\r\n  a: b\r\n  c: d\r\n"
    assert path.stat().st_mode & 0o777 == 0o640
    path.write_bytes(b"\xff")
    assert "base.yaml:1: cannot be read" in run("env encrypt", 1)


def test_a_text_with_several_meanings_is_not_changed(root: Path, run: Run, write: Write) -> None:
    write(base="connections:\n  a: &a\n    type: generic\n    host: x\n  b: *a\n")
    assert "cannot change only" in run("connection set b --host y", 1).replace("\nhint: ", "; ")
    assert load(root).shown("a")["host"] == "x"


@pytest.mark.parametrize("group", ["env", "connection", "variable"])
def test_every_command_shows_an_example(group: str) -> None:
    commands = LazyGroup(name="penstock").get_command(None, group).commands
    assert len(commands) >= 4
    for name, command in commands.items():
        assert f"Example: penstock {group} {name}" in command.help, f"{group} {name} shows no example"
        for option in command.params:
            assert option.name == "help" or option.help, f"{group} {name}: {option.name}"
