"""Copies all tables of a schema, those that foreign keys link in one transaction, with one account."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import cast, get_args

from penstock.lookup.connections import find
from penstock.model.address import Table
from penstock.model.errors import PenstockError, UsageError
from penstock.model.outcome import TablesFailed, require_all_loaded
from penstock.model.plan import CopyPlan, Mode
from penstock.model.result import COUNTS, CopyResult
from penstock.ports import Progress
from penstock.postgres.relay.foreign_keys import add_references, read_references
from penstock.postgres.relay.schema import SchemaAddress, lacking, linked, parse_schema, read_contents
from penstock.postgres.relay.table_group import Job, copy_together
from penstock.routes.relay import job_of

Shown = Callable[[str, int, int], AbstractContextManager[Progress | None]]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tables of a schema are copied, and how.

    Args:
        include: Globs of table names; by default all.
        exclude: Globs of table names that are left out.
        modes: ``(glob, mode)``: the mode of these tables, instead of the plan's; the last one that matches counts.
        keep_going: Copy the other tables if one fails.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    modes: Sequence[tuple[str, str]] = ()
    keep_going: bool = False

    @classmethod
    def parse(
        cls,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        mode_for: Sequence[str] = (),
        *,
        keep_going: bool = False,
    ) -> Selection:
        """The selection from options; ``mode_for`` lists ``"glob=mode"``.

        Raises:
            UsageError: If a mode is malformed.

        Example:
            >>> Selection.parse(mode_for=["log_*=append"]).mode_of("log_2013", "mirror")
            'append'
        """
        pairs = [text.partition("=") for text in mode_for]
        for text, (pattern, _, mode) in zip(mode_for, pairs, strict=True):
            if not pattern or mode not in get_args(Mode):
                raise UsageError(
                    f"invalid mode of tables {text!r}", hint="write it as glob=mode: 'log_*=append'"
                )
        return cls(include, exclude, [(pattern, mode) for pattern, _, mode in pairs], keep_going)

    def of(self, names: Sequence[str]) -> list[str]:
        """The names of the tables to copy.

        Raises:
            UsageError: If a glob matches no table.
        """
        for pattern in [*self.include, *self.exclude, *(pattern for pattern, _ in self.modes)]:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise UsageError(f"no table matches {pattern!r}", hint=f"the schema has {', '.join(names)}")
        return [
            name
            for name in names
            if (not self.include or any(fnmatchcase(name, each) for each in self.include))
            and not any(fnmatchcase(name, each) for each in self.exclude)
        ]

    def mode_of(self, name: str, usual: Mode) -> Mode:
        """The mode of a table."""
        modes = [mode for pattern, mode in self.modes if fnmatchcase(name, pattern)]
        return cast("Mode", modes[-1]) if modes else usual


@dataclass(frozen=True, slots=True)
class SchemaResult:
    """The accounts of a schema's tables.

    Args:
        tables: The account of each table by its name, in the order of the copies.
        total: The sum of all accounts.
        not_copied: What the source's schema has and the target's lacks: names by kind, such as ``view``.
    """

    tables: Mapping[str, CopyResult]
    total: CopyResult
    not_copied: Mapping[str, Sequence[str]]


def run_all(
    plan: CopyPlan, shown: Shown, *, again: bool = False, selection: Selection | None = None
) -> SchemaResult:
    """Copy each table of the plan's source, a schema, to the table of its name in the plan's target, another schema.

    Tables that foreign keys link are copied in one transaction, from one snapshot. When one fails, those linked to it
    are not copied either, and the tables before them stay. Repeating is safe.

    Args:
        shown: Returns the progress receiver of a table, given its name, its number from 1, and the total number.
        selection: Which tables are copied; by default all.

    Raises:
        NothingLoaded: If every row of any table was rejected; raised after all tables were copied.
        TablesFailed: If tables failed and the copy kept going.
        PenstockError: If a table cannot be copied; the message names it.
    """
    if plan.columns or plan.computed or plan.query or plan.key or plan.where or plan.checks:
        raise UsageError(
            "--columns, --key, --check, filters and queries do not apply to --all",
            hint="leave them out, or copy the table by itself",
        )
    started = time.perf_counter()
    chosen = selection or Selection()
    source, target = parse_schema(plan.source), parse_schema(plan.target)
    origin, place = find(source.connection), find(target.connection)
    contents = read_contents(origin, source)
    names = chosen.of(contents.tables)
    references = [*contents.references, *read_references(place, target.schema)]
    results: dict[str, CopyResult] = {}
    failed: dict[str, PenstockError] = {}
    for group in linked(names, references):
        jobs = [_job(plan, chosen, source, target, name) for name in group]
        before = len(results) + len(failed)

        def progress(
            number: int, group: Sequence[str] = group, before: int = before
        ) -> AbstractContextManager[Progress | None]:
            return shown(group[number], before + number + 1, len(names))

        try:
            results.update(zip(group, copy_together(jobs, progress, again=again), strict=True))
        except PenstockError as error:
            if not chosen.keep_going:
                raise
            failed.update(dict.fromkeys(group, error))
    add_references(place, target.schema, contents.references, set(results))
    total = _total(results, time.perf_counter() - started)
    if failed:
        raise TablesFailed(total, results, failed)
    require_all_loaded(plan, results, total)
    return SchemaResult(results, total, lacking(origin, source.schema, place, target.schema))


def _job(
    plan: CopyPlan, selection: Selection, source: SchemaAddress, target: SchemaAddress, name: str
) -> Job:
    mode = selection.mode_of(name, plan.mode)
    one = replace(plan, source=source.table(name), target=target.table(name), mode=mode)
    return job_of(
        one,
        Table(source.connection, source.schema, name),
        Table(target.connection, target.schema, name),
        only=True,  # the tables that inherit from it are copied themselves
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
