import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import typer

from penstock.cli import lazy_commands
from penstock.cli.main import main
from penstock.model.errors import NothingDone, PenstockError, TooManyRejects, UsageError


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Makes `penstock demo` raise what it is given."""

    def fail_with(error: BaseException) -> None:
        app = typer.Typer()

        @app.command()
        def demo() -> None:
            raise error

        monkeypatch.setitem(sys.modules, "penstock.cli.demo", SimpleNamespace(app=app))

    monkeypatch.delenv("PENSTOCK_DEBUG", raising=False)
    return fail_with


@pytest.mark.parametrize(
    ("error", "code", "stderr"),
    [
        (PenstockError("no file 'x'", hint="check it"), 1, "error: no file 'x'\nhint: check it\n"),
        (UsageError("no mode 'x'"), 2, "error: no mode 'x'\n"),
        (TooManyRejects("9 of 10"), 3, "error: 9 of 10\n"),
        (NothingDone("no file"), 5, "error: no file\n"),
        (KeyboardInterrupt(), 130, "error: interrupted; nothing was changed\n"),
        (typer.Abort(), 130, "error: interrupted; nothing was changed\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x"),
            1,
            "error: the disk is full: /x\nhint: free some space, then run again\n",
        ),
        (typer.Exit(7), 7, ""),
    ],
)
def test_errors_become_a_message_and_a_code(  # type: ignore[no-untyped-def]
    failing, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, stderr: str
) -> None:
    failing(error)
    assert main(["demo"]) == code
    assert capsys.readouterr() == ("", stderr)


def test_debug_keeps_the_traceback(failing, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PENSTOCK_DEBUG", "1")
    failing(PenstockError("x"))
    with pytest.raises(PenstockError):
        main(["demo"])


def test_faults_of_penstock_keep_their_traceback(failing) -> None:  # type: ignore[no-untyped-def]
    failing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["demo"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dbb"], "No such command 'dbb'. Did you mean 'db'"),
        (["--nope"], "No such option: --nope"),
        (["db", "stat"], "Did you mean"),
        (["db", "start", "nope"], "there are: source, warehouse"),
    ],
)
def test_misuse_is_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.delenv("PENSTOCK_PROJECT", raising=False)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("penstock ")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f" {name} " in out for name in lazy_commands.COMMANDS)


@pytest.mark.parametrize("name", lazy_commands.COMMANDS)
def test_every_command_is_described_with_an_example_and_its_options_are(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = lazy_commands.LazyGroup(name="penstock").get_command(None, name)
    members = getattr(command, "commands", {})
    for one in [command, *members.values()]:
        assert one.help, f"{one.name} has no help"
        if one is not command or not members:
            shown = f"penstock {name}" if one is command else f"penstock {name} {one.name}"
            assert shown in one.help, f"the help of {shown} has no example"
        for option in one.params:
            assert getattr(option, "help", None), f"{one.name}: {option.name} has no help"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from penstock.cli.main import main; main(['--help']); "
        "print([m for m in ('psutil', 'pyarrow', 'psycopg', 'numpy', 'airflow', 'cryptography') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_landing_imports_no_database_driver_and_no_command_line_of_others() -> None:
    code = (
        "import sys; from penstock.cli.main import WithoutPandas; sys.meta_path.insert(0, WithoutPandas());"
        "import penstock.rest.landing, penstock.lookup.stores; "
        "print([m for m in ('polars', 'psycopg', 'penstock.routes.load', 'pandas', 'pygments') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_copies_tables_is_imported_for_tables_only() -> None:
    code = (
        "import sys, penstock\n"
        "try: penstock.copy('missing.csv', 'warehouse:a')\n"
        "except penstock.PenstockError as e: print(e.message)\n"
        "print('penstock.postgres.relay.copy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nFalse\n")
    assert "missing.csv" in done.stdout
