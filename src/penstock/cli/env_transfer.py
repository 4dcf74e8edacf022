"""`penstock env import`, `export` and `exec`: exchange environments with Airflow, Astro and dbt."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from penstock.cli.environment_options import here, written_to
from penstock.cli.terminal.streams import echo
from penstock.model.errors import NothingDone, PenstockError, UsageError
from penstock.model.plurals import counted
from penstock.project import find_project, write_private

if TYPE_CHECKING:
    from penstock.environments.formats.bundle import Bundle

_Name = Annotated[
    str | None,
    typer.Argument(
        metavar="ENV", help="The environment, such as prod. Default: the one in use.", show_default=False
    ),
]
_COMMAND = "penstock.command"  # key of what follows `--` of `exec`


class Form(StrEnum):
    """The formats, by their option values."""

    env = "env"
    json = "json"
    airflow_settings = "airflow-settings"
    dbt = "dbt"


def register(app: typer.Typer) -> None:
    """Add the commands to ``penstock env``."""
    app.command("import")(import_file)
    app.command("export")(export)
    app.command("exec", cls=_AfterDashes)(execute)


def import_file(
    file: Annotated[
        str,
        typer.Argument(
            help="airflow_settings.yaml, .env, connections.json or profiles.yml; - for standard input."
        ),
    ],
    *,
    into: Annotated[
        str | None,
        typer.Option(
            metavar="ENV", help="The environment to write to, such as prod. Default: the one in use."
        ),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Format of the file. Default: by the file's name."),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Also encrypt this variable or field, such as POLYGON_ID. Repeatable."
        ),
    ] = None,
) -> None:
    """Import connections and variables from a file of Airflow, Astro or dbt. Secrets are encrypted.

    Exit codes: 0 done, 1 failed, 2 usage, 5 nothing to import. See docs/reference/exit-codes.md.

    Example: penstock env import airflow_settings.yaml --into dev
    """
    from penstock.environments import formats
    from penstock.environments.import_files import take_in

    project = find_project()
    text = _read(file)
    form_name = form.value if form else formats.guess(file, text)
    bundle = formats.read(text, form_name, os.environ)
    taken = take_in(project.root, written_to(project, into), bundle, secret or ())
    echo(f"{taken.file}: {len(taken.written)} written, {len(taken.unchanged)} unchanged")
    for name in taken.written:
        echo(f"  {name}")
    for remark in bundle.remarks:
        echo(f"not imported: {remark}")
    if not (taken.written or taken.unchanged):
        raise NothingDone(
            f"no connections or variables found in {file}",
            hint=f"read as {form_name}; see --format",
        )
    if taken.encrypted:
        echo(f"secrets encrypted: {taken.encrypted}; {file} still holds them as plain text")


def export(
    environment: _Name = None,
    *,
    form: Annotated[Form, typer.Option("--format", help="Format to write.")] = Form.env,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to write, readable by you only. Default: standard output."),
    ] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Write secrets too. By default they are masked as ***.")
    ] = False,
) -> None:
    """Export an environment's connections and variables in a format of Airflow, Astro or dbt. Secrets are masked.

    Example: penstock env export prod --format airflow-settings
    """
    from penstock.environments import formats
    from penstock.environments.airflow_settings import local_settings
    from penstock.environments.import_files import give_out

    project, chosen = here(environment)
    bundle = replace(give_out(chosen, reveal=reveal), pools=local_settings(project.root, chosen.name).pools)
    text = formats.write(bundle, form.value)
    for remark in (*bundle.remarks, *formats.left_out(bundle, form.value)):
        echo(f"skipped: {remark}", err=True)
    if to is None:
        echo(text, nl=False)
        return
    _write(to, text)
    echo(f"{to}: {_count(bundle)}{'' if reveal else ', secrets masked'}")


class _AfterDashes(TyperCommand):
    """A command whose arguments after the first ``--`` belong to another program."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See Typer; parses only the arguments before ``--``."""
        if "--" in args:
            dashes = args.index("--")
            args, ctx.meta[_COMMAND] = args[:dashes], args[dashes + 1 :]
        return super().parse_args(ctx, args)


def execute(
    context: typer.Context,
    environment: _Name = None,
    *,
    pg: Annotated[
        str | None,
        typer.Option(
            "--pg",
            metavar="NAME",
            help="The connection for PGHOST and the like, such as source. Default: warehouse.",
        ),
    ] = None,
) -> None:
    """Run a command with an environment's AIRFLOW_CONN_*, AIRFLOW_VAR_*, PENSTOCK_ENV, PGHOST and related variables.

    They are passed as environment variables, never as arguments, which everyone on the machine can read.

    Example: penstock env exec prod -- psql -c 'select 1'
    """
    from penstock.devtools.process_env import process_environment

    command: list[str] = context.meta.get(_COMMAND, [])
    if not command:
        raise UsageError(
            "no command given", hint="write it after --, such as: penstock env exec prod -- psql"
        )
    variables = process_environment(find_project(), environment, pg)
    program = shutil.which(command[0], path=variables.get("PATH"))
    if program is None:
        raise UsageError(f"program {command[0]!r} not found on PATH")
    sys.stdout.flush()
    os.execve(program, command, variables)  # noqa: S606  # no shell, on purpose


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not valid UTF-8") from None


def _write(path: Path, text: str) -> None:
    try:
        write_private(path, text)
    except OSError as error:
        raise PenstockError(f"cannot write {path}: {error.strerror}") from None


def _count(bundle: Bundle) -> str:
    return f"{counted(len(bundle.connections), 'connection')}, {counted(len(bundle.variables), 'variable')}"
