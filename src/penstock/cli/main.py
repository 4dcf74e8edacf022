"""The entry point of `penstock`: finds the command, and turns errors into a message and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.metadata import version
from typing import Annotated

import typer
from typer.main import get_command

from penstock.cli.env_file import read_env_file
from penstock.cli.lazy_commands import LazyGroup
from penstock.cli.narrow import fitting
from penstock.cli.terminal import streams
from penstock.cli.use_environment import using
from penstock.devtools.dotenv import is_env_file
from penstock.model.errors import PenstockError
from penstock.model.exit_codes import ExitCode
from penstock.project import DISK_FULL
from penstock.state_dir import broken_state, concerns_state

# New objects before garbage is looked for. Of 0.44 s of processor time in which a copy's modules are loaded, 0.36 s
# were left without looking at all.
_GARBAGE_AFTER = 20_000

app = typer.Typer(cls=LazyGroup, no_args_is_help=True, rich_markup_mode="rich")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"penstock {version('penstock')}")
        raise typer.Exit


@app.callback()
def penstock(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  # its callback prints it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    env: Annotated[
        str | None,
        typer.Option(
            "--env",
            metavar="NAME|FILE",
            help="The environment, as in penstock --env prod copy ...; a file, as in --env prod.env, is an --env-file.",
        ),
    ] = None,
    env_file: Annotated[
        str | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="Variables to run with, instead of those of .env, as in penstock --env-file prod.env start.",
        ),
    ] = None,
) -> None:
    """A data warehouse in one command, and one verb, copy, that accounts for every row."""
    name = None if env is None or is_env_file(env) else env
    read_env_file(context, env_file or (env if name is None else None))
    if name is not None:
        context.with_resource(using(name))


class WithoutPandas(MetaPathFinder):
    """Bars pandas, and the command line of httpx, from a process of our own.

    pyarrow looks for pandas wherever it converts arrays, and importing it takes half a second, where it is installed
    for something else. No pandas object comes our way. httpx brings a program of its own, with all that paints it,
    which is half of the time that importing httpx takes. In somebody else's process both are theirs to use.
    """

    def find_spec(self, name: str, *_: object) -> None:
        """Find nothing, and for what is barred say so."""
        if name in ("pandas", "httpx._main"):
            raise ModuleNotFoundError(f"penstock's own process does without {name}", name=name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, an :class:`~penstock.model.exit_codes.ExitCode` unless it is another
    program's.

    An error the user can act upon is one message on standard error, with a hint where there is one. Any other is a
    fault of Penstock's and keeps its traceback. PENSTOCK_DEBUG=1 shows the traceback of both.

    Args:
        arguments: What follows the program's name; by default the process's own arguments.

    Example:
        >>> main(["--version"])
        penstock 0.1.0
        0
    """
    if arguments is not None:
        return _run(list(arguments))
    streams.prepare()
    sys.meta_path.insert(0, WithoutPandas())
    # Modules leave hardly any garbage, and looking for it after every 700 objects takes a tenth of their loading.
    gc.set_threshold(_GARBAGE_AFTER)
    try:
        return _run(None)
    except (BrokenPipeError, SystemExit) as error:
        # Typer makes the one of the other.
        cause = error if isinstance(error, BrokenPipeError) else error.__context__
        if not isinstance(cause, BrokenPipeError):
            raise
        if not streams.is_reader_gone():
            raise cause from None
        return ExitCode.READER_GONE


def _run(arguments: list[str] | None) -> int:
    try:
        code = fitting(get_command(app)).main(arguments, prog_name="penstock", standalone_mode=False)
        streams.flush()
    except PenstockError as error:
        return _fail(error, error.message, error.hint, error.exit_code)
    except typer.TyperException as error:
        message = error.format_message()
        if message.startswith("Usage: "):  # a group without a command, on a narrow terminal: its help
            typer.echo(message, err=True)
            return error.exit_code
        # Without a message it has printed the help already: the same, on a wide one.
        return _fail(error, message, None, error.exit_code)
    except typer.Abort as error:
        if sys.stderr.isatty():
            typer.echo(err=True)  # the terminal shows ^C behind the question
        return _fail(error, "interrupted; nothing was changed", None, ExitCode.INTERRUPTED)
    except OSError as error:
        if error.errno not in DISK_FULL:
            if not concerns_state(error):
                raise
            told = broken_state(error)
            return _fail(error, told.message, told.hint, told.exit_code)
        return _fail(
            error,
            f"the disk is full: {error.filename or error.strerror}",
            "free some space, then run again",
            ExitCode.FAILED,
        )
    return code if isinstance(code, int) else ExitCode.DONE


def _fail(error: Exception, message: str, hint: str | None, exit_code: int) -> int:
    if os.environ.get("PENSTOCK_DEBUG") == "1":
        raise error
    if message:
        typer.echo(f"error: {message}", err=True)
    if hint:
        typer.echo(f"hint: {hint}", err=True)
    return exit_code
