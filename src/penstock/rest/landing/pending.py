"""The plan, options and label of a landing, and its pending requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penstock.lookup.connections import find
from penstock.model.api import ApiPlan
from penstock.model.connection import Connection
from penstock.model.plan_files import read_document
from penstock.ports import ObjectStore
from penstock.rest.lake.landing_dir import Landing, kind_of, read_json
from penstock.rest.landing.state import Memory
from penstock.rest.requests import Known, Request, Row, Todo, make_requests, plain_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of a landing, in addition to its plan.

    Args:
        target: ``lake:path``.
        rows: Rows to use instead of the plan's own.
        values: Values for placeholders, in addition to those of the rows.
        label: What the answers are for, such as an hour or a day. A landing requests only what is missing for its plan
            and label, even if it was finished before. Without a label, an unfinished landing is resumed, or else a new
            one starts.
        again: Land everything again, even if the landing is finished.
        allow_empty: Accept that no answer holds a record, or that there is nothing to request.
    """

    target: str
    rows: Iterable[Row] | None = None
    values: Row | None = None
    label: str | None = None
    again: bool = False
    allow_empty: bool = False


class Missing:
    """The pending requests of a landing.

    Attributes:
        requests: Number of all requests, made or not.
        before: Number of requests that had landed before.
        passed: Requests that are skipped because an earlier landing's answer is still fresh.
    """

    def __init__(self, plan: ApiPlan, landing: Landing, wish: Wish, memory: Memory) -> None:
        self.requests = 0
        self.before = 0
        self.passed: list[str] = []
        self._plan = plan
        self._landing = landing
        self._wish = wish
        self._memory = memory

    def __iter__(self) -> Iterator[Todo]:
        rows = iter(self._wish.rows) if self._wish.rows is not None else _rows(self._plan)
        values = dict(self._wish.values or {})
        if self._landing.since is not None:
            values["since"] = self._landing.since
        for request in make_requests(self._plan, rows, values):
            self.requests += 1
            key = bytes.fromhex(request.key)
            if key in self._landing.complete:
                self.before += 1
            elif key in self._landing.passed or (known := self._known(request)) is None:
                self.passed.append(request.key)
            else:
                yield Todo(request, known)

    def _known(self, request: Request) -> Known | None:
        """Return what is known about a request; None if an earlier answer is still fresh."""
        standing = self._landing.partial.get(request.key)
        if standing is not None:
            return Known(standing.page, standing.next)
        remembered = self._memory.find(request.key)
        if remembered is None:
            return Known()
        return None if remembered.fresh else Known(validators=remembered.headers)


def _rows(plan: ApiPlan) -> Iterator[Row]:
    if plan.each.query is None:
        return plain_rows(plan.each, Path())
    return _queried(find(plan.each.connection), plan.each.query)


def _queried(connection: Connection, query: str) -> Iterator[Row]:
    import psycopg

    from penstock.postgres.connect import connect, refused

    try:
        with connect(connection) as session, session.transaction(), session.cursor(name="rows") as cursor:
            yield from cursor.execute(query)
    except psycopg.Error as error:
        raise refused(error, f"reading rows from {connection.name}") from None


_OPEN = "_open"


def choose_label(store: ObjectStore, path: str, plan: ApiPlan, wish: Wish) -> str:
    """Return the given label, or that of an unfinished landing of this plan, or the current time."""
    if wish.label and not wish.again:
        return wish.label
    key = _open_key(path, plan)
    unfinished = read_json(store, key)
    if unfinished is not None and (wish.label is None or unfinished["wanted"] == wish.label):
        return str(unfinished["label"])
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    label = f"{wish.label} again {now}" if wish.label else now
    store.put(key, json.dumps({"label": label, "wanted": wish.label}).encode())
    return label


def close(store: ObjectStore, path: str, plan: ApiPlan, label: str) -> None:
    """Remove the note that this landing is unfinished."""
    key = _open_key(path, plan)
    unfinished = read_json(store, key)
    if unfinished is not None and unfinished["label"] == label:
        store.delete([key])


def _open_key(path: str, plan: ApiPlan) -> str:
    return f"{path}/{_OPEN}/{kind_of(plan)}.json"


def load_plan(path: str | Path, render: Callable[[str], str] | None = None) -> ApiPlan:
    """Load a plan from a YAML or TOML file. The path of its row file is relative to the plan file.

    Args:
        render: Renders the text of the file, such as a template.

    Raises:
        UsageError: The file is not a valid plan.
    """
    path = Path(path)
    plan = ApiPlan.parse(read_document(path, render))
    if plan.each.file is None:
        return plan
    return replace(plan, each=replace(plan.each, file=str(path.parent / plan.each.file)))


def as_plan(plan: ApiPlan | Mapping[str, Any] | Path | str) -> ApiPlan:
    """Return the plan: unchanged, from a file, or from a mapping of its fields.

    Raises:
        UsageError: The plan is invalid.
    """
    if isinstance(plan, ApiPlan):
        return plan
    return ApiPlan.parse(plan) if isinstance(plan, Mapping) else load_plan(plan)
