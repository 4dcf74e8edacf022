"""The table of commands and their modules; a module is imported when its command runs or is listed.

To add a command: write `cli/NAME.py` with `app = typer.Typer(...)`, holding one command or a group of them; import
heavy packages (pyarrow, psycopg) inside its functions only; and add a line to `COMMANDS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from penstock.cli.option_groups import fitting
from penstock.model.errors import ExitCode, PenstockError

# Name of the command -> its module under penstock.cli, in the order of `penstock --help`.
COMMANDS: Mapping[str, str] = {
    "init": "init",
    "start": "start",
    "stop": "stop",
    "restart": "restart",
    "status": "status",
    "logs": "logs",
    "reset": "reset",
    "test": "test",
    "run": "run",
    "backfill": "backfill",
    "parse": "parse",
    "doctor": "doctor",
    "upgrade-check": "upgrade_check",
    "copy": "copy",
    "preview": "preview",
    "diff": "diff",
    "rejects": "rejects",
    "ledger": "ledger",
    "lake": "lake",
    "env": "env",
    "connection": "connection",
    "variable": "variable",
    "demo": "demo",
    "sandbox": "sandbox",
    "db": "db",
    "airflow": "airflow",
    "dbt": "dbt",
}


class Interrupted(PenstockError):
    """The user pressed Ctrl-C."""

    exit_code = ExitCode.INTERRUPTED


class LazyGroup(TyperGroup):
    """The commands of `COMMANDS`, each imported when it is called or listed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # Typer's signature
        """The names of the commands, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # Typer's signature
        """The command of this name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"penstock.cli.{COMMANDS[cmd_name]}")
        app: typer.Typer = module.app
        app._add_completion = False  # noqa: SLF001  # offered once, by `penstock` itself
        command = fitting(get_command(app))
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """See Typer; suggestions come from the table."""
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # only its keys are read, for typos
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Ctrl-C raises Interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise Interrupted("interrupted; nothing was changed") from interrupt
