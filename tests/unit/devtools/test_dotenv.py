"""`.env`, and files named instead of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands import forked

from penstock.cli.main import main
from penstock.devtools.dotenv import read
from penstock.model.errors import UsageError

SHOW = "print(*(f'{n}={os.environ[n]}' for n in ('ONE', 'TWO', 'PENSTOCK_ENV') if n in os.environ))"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
        monkeypatch.delenv(name)
    (tmp_path / "penstock.toml").touch()
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text("variables:\n  where: production\n")
    (tmp_path / "environments" / "dev.yaml").write_text("variables:\n  where: here\n")
    (tmp_path / ".env").write_text(
        "# mine\nONE=dotenv\nexport TWO='${ONE} and more'\nPENSTOCK_ENV=dev\nBARE\n"
    )
    (tmp_path / "other.env").write_text("ONE=other\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def output(*words: str, **variables: str) -> list[str]:
    """What a program sees that `penstock env exec` starts."""
    penstock = [str(forked()), *words, "env", "exec"]
    done = subprocess.run(
        [*penstock, "--", sys.executable, "-c", f"import os; {SHOW}"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().split("=")


def test_every_command_is_given_what_it_says() -> None:
    assert output() == ["ONE", "dotenv TWO", "dotenv and more PENSTOCK_ENV", "dev"]


def test_the_process_own_variables_win() -> None:
    assert output(ONE="mine", PENSTOCK_ENV="prod") == [
        "ONE",
        "mine TWO",
        "dotenv and more PENSTOCK_ENV",
        "prod",
    ]


@pytest.mark.parametrize("option", ["--env-file", "--env"])
def test_another_file_is_read_instead(option: str) -> None:
    assert output(option, "other.env") == ["ONE", "other"]


def test_env_takes_a_name_or_a_file(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def where(*words: str) -> str:
        assert main([*words]) == 0
        return capsys.readouterr().out.strip()

    get = ("variable", "get", "where")
    assert where(*get) == "here"  # .env says so
    assert where("--env", "prod", *get) == "production"
    assert where(*get, "--env", "prod") == "production"
    (root / "prod.env").write_text("PENSTOCK_ENV=prod\n")
    (root / "prod").write_text("PENSTOCK_ENV=dev\n")  # a file without a dot is named with its directory
    assert where(*get, "--env", "prod.env") == "production"
    assert where("--env-file", "prod.env", *get) == "production"
    assert where("--env-file", "prod.env", *get, "--env", "./prod") == "here"
    assert where("--env", "prod", "--env-file", "other.env", *get) == "production"
    assert "PENSTOCK_ENV" not in os.environ


def test_a_command_hands_the_choice_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_ENV_FILE", str(root / "other.env"))
    assert output() == ["ONE", "other"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--env-file", "nope.env"], "missing file nope.env"),
        (["--env", "nope.env"], "missing file nope.env"),
        (["--env-file", "bad.env"], "bad.env:2: invalid line"),
    ],
)
def test_a_file_that_is_wrong(
    root: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    (root / "bad.env").write_text("A=1\nB C D='secret\n")
    assert main([*words, "variable", "list"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "secret" not in said


def test_a_directory_is_no_file(root: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read(root)
