"""The one place that names concrete adapters: turns a plan's addresses into a source and a target, and copies."""

from __future__ import annotations

from penstock import resolving
from penstock.engine.copy import copy
from penstock.model.address import Files, parse, parse_table
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, UsageError
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import Progress, Source, Target
from penstock.sources.files import open_files
from penstock.targets.postgres.session import PostgresTarget


def run(plan: CopyPlan, *, again: bool = False, progress: Progress | None = None) -> CopyResult:
    """Carry out a plan. Every face of Penstock ends here.

    Raises:
        PenstockError: If nothing was done, with the reason and the remedy.
    """
    return copy(plan, open_source(plan), open_target(plan), again=again, progress=progress)


def open_source(plan: CopyPlan) -> Source:
    """The source that the plan names.

    Raises:
        UsageError: If nothing can be copied from there.
        SourceError: If it cannot be read.
    """
    match parse(plan.source):
        case Files(pattern):
            return open_files(pattern, plan.file)
        case other:
            raise UsageError(
                f"{plan.source!r} is no source ({type(other).__name__.lower()})", hint="copy from a file"
            )


def open_target(plan: CopyPlan) -> Target:
    """The target that the plan names; an embedded server is started if it does not run.

    Raises:
        UsageError: If the address is none.
        ConnectionFailed: If there is no such connection.
    """
    table = parse_table(plan.target)
    return PostgresTarget(find(table.connection), table.schema, table.table)


def find(name: str) -> Connection:
    """The postgres connection of this name, wherever :mod:`penstock.resolving` finds it.

    Raises:
        ConnectionFailed: If there is none, or it is of another type.
        PenstockError: If the project's environment is wrong.
    """
    connection = resolving.find(name)
    if connection is None:
        known = f"; embedded are {', '.join(resolving.EMBEDDED)}" if resolving.project_here() else ""
        raise ConnectionFailed(
            f"no connection {name!r}{known}",
            hint=f"penstock connection add {name}, or set "
            f"PENSTOCK_CONN_{name.upper()}=postgres://login:password@host:port/database",
        )
    if connection.type != "postgres":
        raise ConnectionFailed(f"{name} is of type {connection.type}", hint="copy into a postgres connection")
    return connection
