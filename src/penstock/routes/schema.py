"""Copies all tables of a schema, those that foreign keys link in one transaction, with one account."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from penstock.lookup.connections import find
from penstock.model.address import Table
from penstock.model.errors import UsageError
from penstock.model.outcome import require_all_loaded
from penstock.model.plan import CopyPlan
from penstock.model.result import COUNTS, CopyResult
from penstock.ports import Progress
from penstock.postgres.relay.copy import Job, copy_together
from penstock.postgres.relay.foreign_keys import add_references, read_references
from penstock.postgres.relay.schema import SchemaAddress, linked, parse_schema, read_contents
from penstock.routes.relay import job_of

Shown = Callable[[str, int, int], AbstractContextManager[Progress | None]]


@dataclass(frozen=True, slots=True)
class SchemaResult:
    """The accounts of a schema's tables.

    Args:
        tables: The account of each table by its name, in the order of the copies.
        total: The sum of all accounts.
    """

    tables: Mapping[str, CopyResult]
    total: CopyResult


def run_all(plan: CopyPlan, shown: Shown, *, again: bool = False) -> SchemaResult:
    """Copy each table of the plan's source, a schema, to the table of its name in the plan's target, another schema.

    Tables that foreign keys link are copied in one transaction, from one snapshot. When one fails, those linked to it
    are not copied either, and the tables before them stay. Repeating is safe.

    Args:
        shown: Returns the progress receiver of a table, given its name, its number from 1, and the total number.

    Raises:
        NothingLoaded: If every row of any table was rejected; raised after all tables were copied.
        PenstockError: If a table cannot be copied; the message names it.
    """
    if plan.columns or plan.computed or plan.query or plan.key or plan.where or plan.checks:
        raise UsageError(
            "--columns, --key, --check, filters and queries do not apply to --all",
            hint="leave them out, or copy the table by itself",
        )
    started = time.perf_counter()
    source, target = parse_schema(plan.source), parse_schema(plan.target)
    origin, place = find(source.connection), find(target.connection)
    contents = read_contents(origin, source)
    references = [*contents.references, *read_references(place, target.schema)]
    results: dict[str, CopyResult] = {}
    for names in linked(contents.tables, references):
        jobs = [_job(plan, source, target, name) for name in names]
        done = len(results)

        def progress(
            place: int, names: Sequence[str] = names, done: int = done
        ) -> AbstractContextManager[Progress | None]:
            return shown(names[place], done + place + 1, len(contents.tables))

        results.update(zip(names, copy_together(jobs, progress, again=again), strict=True))
    add_references(place, target.schema, contents.references, set(results))
    total = _total(results, time.perf_counter() - started)
    require_all_loaded(plan, results, total)
    return SchemaResult(results, total)


def _job(plan: CopyPlan, source: SchemaAddress, target: SchemaAddress, name: str) -> Job:
    one = replace(plan, source=source.table(name), target=target.table(name))
    return job_of(
        one,
        Table(source.connection, source.schema, name),
        Table(target.connection, target.schema, name),
    )


def _total(results: Mapping[str, CopyResult], seconds: float) -> CopyResult:
    rejects: dict[str, int] = {}
    for result in results.values():
        for reason, count in result.rejects.items():
            rejects[reason] = rejects.get(reason, 0) + count
    sums = {name: sum(getattr(result, name) for result in results.values()) for name in COUNTS}
    already = all(result.already for result in results.values())
    total = CopyResult(
        id="",
        already=already,
        rejects=rejects,
        seconds=round(seconds, 3),
        visible_rows_only=any(result.visible_rows_only for result in results.values()),
        **sums,
    )
    total.check()
    return total
