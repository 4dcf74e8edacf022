"""What the doctor finds: each thing that can be wrong, made wrong."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.devtools.doctor import Level, examine, machine
from penstock.devtools.init import make
from penstock.project import Project
from penstock.stack import state_file
from penstock.stack.processes import Identity

Told = Callable[[], dict[str, tuple[str, str]]]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
        monkeypatch.delenv(name)
    root = make(tmp_path / "shop", "blank").root
    settings = root / "penstock.toml"
    free = "".join(f"{name} = 0\n" for name in ("source", "warehouse", "metadata"))
    text = settings.read_text()
    settings.write_text(text[: text.index("airflow = ")] + "airflow = 0\n" + free)
    (root / ".penstock").mkdir(mode=0o700)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def output(root: Path) -> Told:
    """What is not ok: what was looked at -> how bad it is, and the message with its remedy."""

    def examined() -> dict[str, tuple[str, str]]:
        found = list(examine(Project(root), connect=False))
        assert all(one.remedy for one in found if one.level is not Level.ok)
        return {
            one.what: (one.level.value, f"{one.message}; {one.remedy}")
            for one in found
            if one.level is not Level.ok and one.what not in ("memory", "disk", "open files")
        }

    return examined


def remember(root: Path, name: str, major: str) -> Path:
    """A server's record and data directory, as if it was made here once."""
    home = root / ".penstock" / "postgres" / name
    (home / "data").mkdir(parents=True)
    (home / "data" / "PG_VERSION").write_text(f"{major}\n")
    path = home.with_suffix(".json")
    path.write_text(json.dumps({"port": 5499, "password": "hidden", "home": str(home)}))
    path.chmod(0o600)
    return home


def test_a_fresh_project_is_well(output: Told) -> None:
    assert output() == {}


def test_data_of_another_major_version(root: Path, output: Told, capsys: pytest.CaptureFixture[str]) -> None:
    remember(root, "warehouse", "16")
    level, said = output()["server warehouse"]
    assert level == "wrong"
    assert "is from PostgreSQL 16, but version 18 is installed; " in said
    # A start says the same, and changes nothing.
    for command in (["db", "start", "warehouse"], ["start"]):
        assert main(command) == 1
        err = capsys.readouterr().err
        assert "is from PostgreSQL 16" in err
        assert "hint: dump it" in err
    assert (root / ".penstock/postgres/warehouse/data/PG_VERSION").read_text() == "16\n"


def test_a_pid_file_of_a_killed_server(root: Path, output: Told) -> None:
    home = remember(root, "source", "18")
    (home / "data" / "postmaster.pid").write_text("999999\n")
    assert output()["server source"][0] == "warning"


def test_a_damaged_record_of_a_server(root: Path, output: Told) -> None:
    remember(root, "source", "18").with_suffix(".json").write_text("{")
    level, said = output()["server source"]
    assert level == "wrong"
    assert "is damaged" in said


def test_keys_that_others_may_read(root: Path, output: Told) -> None:
    key = root / ".penstock" / "key"
    key.write_text("k")
    key.chmod(0o644)
    assert output()["keys"] == ("wrong", f"other accounts can read {key} (mode 644); chmod 600 {key}")


def test_a_state_directory_that_others_may_read(root: Path, output: Told) -> None:
    (root / ".penstock").chmod(0o755)
    assert output()["state"][0] == "warning"


def test_a_state_that_is_no_directory(root: Path, output: Told, capsys: pytest.CaptureFixture[str]) -> None:
    (root / ".penstock").rmdir()
    (root / ".penstock").touch()
    level, said = output()["state"]
    assert (level, "is not a directory" in said) == ("wrong", True)
    assert main(["db", "start", "warehouse"]) == 1
    assert "is a file, but Penstock needs a directory" in capsys.readouterr().err


def test_a_stack_that_broke_off(root: Path, output: Told) -> None:
    state_file.save(Project(root), state_file.StackRecord(Identity(999_999, "gone"), time.time(), ()))
    assert output()["stack"][0] == "warning"
    (root / ".penstock/stack/record.json").write_text("{")
    assert output()["stack"][0] == "wrong"


def test_a_port_that_is_taken_and_who_holds_it(root: Path, output: Told) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = root / "penstock.toml"
        settings.write_text(settings.read_text().replace("airflow = 0", f"airflow = {port}"))
        level, said = output()["port of airflow"]
    assert level == "wrong"
    assert f"port {port} on 127.0.0.1 is in use by process {os.getpid()}" in said
    assert "penstock.toml" in said


@pytest.mark.parametrize(
    ("file", "text", "what", "level", "message"),
    [
        ("penstock.toml", "[stack", "project", "wrong", "is not valid TOML"),
        ("penstock.toml", "[stack.ports]\nairflow = 99999\n", "project", "wrong", "invalid port"),
        ("environments/dev.yaml", "inherits: bse\n", "environments", "wrong", "did you mean base?"),
        (
            "environments/dev.yaml",
            "variables: {api_token: x}\n",
            "environments",
            "wrong",
            "penstock env encrypt dev",
        ),
        ("environments/base.yaml", "variables: {}\n", "environments", "warning", "no variable 'greeting'"),
        (".env", "what is this\n'", ".env", "wrong", "invalid line"),
        (
            "airflow_settings.yaml",
            "airflow: 1\n",
            "airflow_settings.yaml",
            "wrong",
            "missing section airflow",
        ),
        ("requirements.txt", "penstock[nope]\n", "extra nope", None, ""),
    ],
)
def test_files_that_are_wrong(
    root: Path, output: Told, file: str, text: str, what: str, level: str | None, message: str
) -> None:
    (root / file).write_text(text)
    found = output()
    if level is None:
        assert what not in found
    else:
        assert found[what][0] == level
        assert message in found[what][1]


def test_an_extra_that_is_missing(root: Path, output: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "penstock.devtools.doctor.config.requires", lambda name: ["nowhere-to-be-found>=1; extra == 'dbt'"]
    )
    assert output()["extra dbt"] == (
        "wrong",
        "not installed: nowhere-to-be-found; pip install 'penstock[dbt]'",
    )


def test_a_clock_that_was_set_back(root: Path, output: Told) -> None:
    os.utime(root / ".penstock", (time.time() + 3600, time.time() + 3600))
    assert "set the clock" in output()["clock"][1]


def test_little_room(root: Path, output: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DISK_NEEDED", 2**60)
    monkeypatch.setattr(machine, "DISK_ADVISED", 2**61)
    monkeypatch.setattr(machine, "MEMORY_NEEDED", 2**60)
    found = {one.what: one.level for one in examine(Project(root), connect=False)}
    assert (found["disk"], found["memory"]) == (Level.wrong, Level.wrong)


def test_the_command_tells_it_and_fails(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "✓ python" in capsys.readouterr().out
    (root / "environments" / "dev.yaml").write_text("inherits: bse\n")
    assert main(["doctor", "--json"]) == 1
    printed = capsys.readouterr()
    (wrong,) = [one for one in json.loads(printed.out) if one["level"] == "wrong"]
    assert wrong["what"] == "environments"
    assert wrong["remedy"] == "did you mean base?"
    assert printed.err == "error: 1 problem found\n"


def test_without_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [one.message for one in examine(None) if one.what == "project"] == ["not in a project"]
