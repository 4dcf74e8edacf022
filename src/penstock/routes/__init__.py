"""The table of routes: from the kinds of source and target to the function that copies.

To add a kind of source or target, add a module with the function and a line in :data:`ROUTES`; see
docs/how-to/add-a-route.md. Routes are imported when they are used, because importing them takes up to 0.3 s.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from penstock import lookup
from penstock.model import address as model
from penstock.model.address import Files, Lake, PlanFile, Query, Table
from penstock.model.errors import UsageError
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult
from penstock.ports import Progress
from penstock.routes.request import Address, CopyRequest

Route = Callable[[CopyRequest], CopyResult]

ROUTES: dict[tuple[str, str], str] = {
    ("file", "postgres"): "penstock.routes.load:load_files",
    ("objects", "postgres"): "penstock.routes.load:load_objects",
    ("lake", "postgres"): "penstock.routes.load:load_lake",
    ("rejects", "postgres"): "penstock.routes.quarantine:load_rejects",
    ("postgres", "postgres"): "penstock.routes.relay:copy_table",
    ("postgres", "file"): "penstock.routes.export:export_to_directory",
    ("postgres", "objects"): "penstock.routes.export:export_to_store",
    ("objects", "snowflake"): "penstock.routes.snowflake:load_export",
    ("api", "lake"): "penstock.routes.landing:land_api",
}

_DATABASES = frozenset({"postgres", "snowflake"})


def run(plan: CopyPlan, *, again: bool = False, progress: Progress | None = None) -> CopyResult:
    """Carry out a plan completely or not at all.

    Raises:
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    target = model.parse(plan.target)
    request = CopyRequest(
        plan=plan, source=_source(plan, target), target=target, again=again, progress=progress
    )
    return dispatch(request)


def dispatch(request: CopyRequest) -> CopyResult:
    """Carry out a copy whose addresses are parsed.

    Raises:
        UsageError: If no route leads from the one kind to the other.
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    key = _kind(request.source), _kind(request.target)
    if key not in ROUTES:
        raise _unsupported(request, *key)
    if request.plan.skip_triggers and key != ("postgres", "postgres"):
        raise UsageError("--skip-triggers applies from table to table", hint="leave it out")
    if request.plan.checks and key[1] != "postgres":
        raise UsageError("--check applies to copies into a Postgres table", hint="leave it out")
    if request.plan.on_change != "fail" and key[1] != "postgres":
        raise UsageError("--on-change applies to tables of Postgres", hint="leave it out")
    if request.plan.delete_flag is not None and key[1] != "postgres":
        raise UsageError("--delete-flag applies to tables of Postgres", hint="leave it out")
    if request.plan.soft_delete is not None and key != ("postgres", "postgres"):
        raise UsageError(
            "--soft-delete applies from table to table", hint="leave it out, or use --delete-flag"
        )
    module, _, name = ROUTES[key].partition(":")
    route = cast("Route", getattr(import_module(module), name))
    return route(request)


def _source(plan: CopyPlan, target: model.Address) -> model.Address:
    if plan.query is not None:
        return Query.parse(plan.source, plan.query)
    address = model.parse(plan.source)
    if isinstance(address, Files) and isinstance(target, Lake):
        return PlanFile(Path(address.pattern))
    return address


def _kind(address: Address) -> str:
    """The kind of an address; that of a table is the type of its connection."""
    if not isinstance(address, Table | Query):
        return address.kind
    kind = lookup.type_of(address.connection)
    # The route reports a connection that is missing or has another type.
    return kind if kind in _DATABASES else "postgres"


def _unsupported(request: CopyRequest, source: str, target: str) -> UsageError:
    plan = request.plan
    if target == "file" and source != "rejects":
        return UsageError(
            f"invalid table address {plan.target!r}", hint="write it as connection:schema.table"
        )
    targets = sorted(to for origin, to in ROUTES if origin == source)
    if targets:
        hint = f"from {source}, copy to {' or '.join(targets)}"
    else:
        hint = f"to {target}, copy from " + " or ".join(
            sorted(origin for origin, to in ROUTES if to == target)
        )
    return UsageError(f"cannot copy from {plan.source!r} ({source}) to {plan.target!r} ({target})", hint=hint)
