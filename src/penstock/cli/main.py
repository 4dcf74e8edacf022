"""The entry point of `penstock`: runs the command, and turns errors into a message and an exit code."""

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

from penstock.cli.env_file import read_env_file, using
from penstock.cli.lazy_commands import LazyGroup
from penstock.cli.option_groups import fitting
from penstock.cli.terminal import streams
from penstock.cli.terminal.streams import echo
from penstock.devtools.dotenv import is_env_file
from penstock.model.errors import ExitCode, PenstockError, masked
from penstock.project import DISK_FULL
from penstock.state_dir import broken_state, concerns_state

# Allocations before a garbage collection. Loading the modules of a copy takes 0.44 s of processor time with Python's
# default, and 0.36 s without collections.
_GARBAGE_AFTER = 20_000

app = typer.Typer(cls=LazyGroup, no_args_is_help=True, rich_markup_mode="rich")


def _print_version(wanted: bool) -> None:
    if wanted:
        echo(f"penstock {version('penstock')}")
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
            help="The environment, such as penstock --env prod copy ...; or a .env file, like --env-file.",
        ),
    ] = None,
    env_file: Annotated[
        str | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="File of environment variables to use instead of .env: penstock --env-file prod.env start.",
        ),
    ] = None,
) -> None:
    """A data warehouse platform whose `copy` accounts for every row."""
    name = None if env is None or is_env_file(env) else env
    read_env_file(context, env_file or (env if name is None else None))
    if name is not None:
        context.with_resource(using(name))


class WithoutPandas(MetaPathFinder):
    """Keeps pandas and the command line of httpx from being imported in Penstock's own processes.

    pyarrow imports pandas, if installed, when it converts arrays, which takes half a second; Penstock uses no pandas
    objects. httpx imports its command line and the packages for its output, which is half of its import time. Other
    programs that import Penstock are not affected.
    """

    def find_spec(self, name: str, *_: object) -> None:
        """Raise ModuleNotFoundError for the excluded modules."""
        if name in ("pandas", "httpx._main"):
            raise ModuleNotFoundError(f"penstock's own processes do not import {name}", name=name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: an :class:`~penstock.model.errors.ExitCode`, or that of another
    program.

    An expected error is printed to standard error as a message and a hint. Any other is a bug in Penstock and keeps
    its traceback. PENSTOCK_DEBUG=1 shows the traceback of both.

    Args:
        arguments: The arguments after the program's name. Default: those of the process.

    Example:
        >>> main(["--version"])
        penstock 0.1.0
        0
    """
    if arguments is not None:
        return _run(list(arguments))
    streams.prepare()
    sys.meta_path.insert(0, WithoutPandas())
    # Loading modules leaves little garbage; collecting it after every 700 objects takes a tenth of the loading time.
    gc.set_threshold(_GARBAGE_AFTER)
    try:
        return _run(None)
    except (BrokenPipeError, SystemExit) as error:
        # Typer converts one to the other.
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
        if message.startswith("Usage: "):  # a group without a command, on a narrow terminal: this is its help
            echo(message, err=True)
            return error.exit_code
        # Without a message, Typer has printed the help already: the same case on a wide terminal.
        return _fail(error, message, None, error.exit_code)
    except typer.Abort as error:
        if sys.stderr.isatty():
            echo(err=True)  # the terminal shows ^C behind the question
        return _fail(error, "interrupted; nothing was changed", None, ExitCode.INTERRUPTED)
    except OSError as error:
        streams.discard_unwritable()
        if error.errno not in DISK_FULL:
            if not concerns_state(error):
                raise
            broken = broken_state(error)
            return _fail(error, broken.message, broken.hint, broken.exit_code)
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
        echo(f"error: {masked(message)}", err=True)
    if hint:
        echo(f"hint: {hint}", err=True)
    return exit_code
