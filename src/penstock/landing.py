"""Lands the answers of an API in the lake: joins the REST source, the shared limit and an object store."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penstock import resolving
from penstock.environments.reach import allowed, base_url, keeps_credentials
from penstock.lake.landing import Landing, kind_of, place, read_json
from penstock.lake.locking import locked
from penstock.lake.validators import Remembered, Validators
from penstock.lake.watermark import read_since, write_since
from penstock.limits.postgres import held
from penstock.model.address import Lake, parse
from penstock.model.answer import Answer
from penstock.model.api import ApiPlan, Auth
from penstock.model.connection import Connection, Secret
from penstock.model.documents import read_document
from penstock.model.errors import ConnectionFailed, SourceError, UsageError
from penstock.model.landed import LandResult
from penstock.ports import ObjectStore, Permits
from penstock.sources.rest.client import Credential, Way
from penstock.sources.rest.fetch import Fetched, Known, Todo, fetch
from penstock.sources.rest.requests import Request, Row, make_requests, plain_rows
from penstock.wiring import find, open_lake

_OPEN = "_open"
WAREHOUSE = "warehouse"


def load_plan(path: str | Path, render: Callable[[str], str] | None = None) -> ApiPlan:
    """The plan that a YAML or TOML file describes; a file of rows is looked for beside it.

    Args:
        render: Makes of the file's text the text that counts.

    Raises:
        UsageError: If it describes none.
    """
    path = Path(path)
    plan = ApiPlan.parse(read_document(path, render))
    if plan.each.file is None:
        return plan
    return replace(plan, each=replace(plan.each, file=str(path.parent / plan.each.file)))


def as_plan(plan: ApiPlan | Mapping[str, Any] | Path | str) -> ApiPlan:
    """The plan itself, that of a file, or the one that these fields describe.

    Raises:
        UsageError: If they describe none.
    """
    if isinstance(plan, ApiPlan):
        return plan
    return ApiPlan.parse(plan) if isinstance(plan, Mapping) else load_plan(plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one landing is asked to do, besides its plan.

    Args:
        target: ``lake:path``.
        rows: In the place of the plan's own rows.
        values: For placeholders, beside those of the rows.
        label: What the answers are for, as an hour or a day. The landing of one plan and label is gone on with where
            it was not finished, and not done again where it was. Without a label, a landing that was not finished is
            gone on with, and otherwise a new one begins.
        again: Land anew, even what is finished.
    """

    target: str
    rows: Iterable[Row] | None = None
    values: Row | None = None
    label: str | None = None
    again: bool = False


def land(plan: ApiPlan, wish: Wish) -> LandResult:
    """Ask for everything that is missing, and land it.

    Raises:
        SourceError: If answers are missing in the end; what came has landed, and the next run asks for the rest.
        PenstockError: If nothing could be asked, with the reason and the remedy.
    """
    path = _path(wish.target)
    store = open_lake()
    connection = find(plan.connection, "http")
    shared = _shared(plan)
    # Runs without a label are one landing.
    names = (f"lake:{path}", store.name, kind_of(plan), wish.label or "")
    with ExitStack() as stack:
        stack.enter_context(locked(_state("locks"), *names))
        if shared is not None:
            stack.enter_context(held(shared, *names))
        label = _label(store, path, plan, wish)
        landing = Landing(store, place(path, plan, label))
        done = landing.done()
        result = (
            LandResult(**{**done, "already": True})
            if done
            else _fetch(plan, connection, store, landing, wish)
        )
        _close(store, path, plan, label)
        return result


def _fetch(
    plan: ApiPlan, connection: Connection, store: ObjectStore, landing: Landing, wish: Wish
) -> LandResult:
    """Ask for what the landing lacks, and declare it finished when it lacks nothing."""
    begun = time.perf_counter()
    told = _with_auth(plan, connection)
    key = _key(told, connection)
    credential = Credential(told.auth or Auth(), connection, key)
    memory = _Memory(store, plan, landing, wish)
    landing.begin(plan, memory.since())
    todo = _Todo(plan, landing, wish, memory)
    delivery = _Delivery(landing)
    with ExitStack() as stack:
        permits = _permits(plan, connection, key)
        if permits is not None:
            stack.enter_context(closing(permits))
        fetched = fetch(told, iter(todo), credential, _way(connection), permits, delivery.land)
    result = _account(wish.target, todo, landing, fetched, delivery.batches)
    result = replace(result, seconds=round(time.perf_counter() - begun, 3))
    _require_whole(plan, result, fetched)
    memory.learn()
    landing.finish(result.to_dict())
    return result


class _Memory:
    """What a place of the lake remembers from one landing of a plan to the next."""

    def __init__(self, store: ObjectStore, plan: ApiPlan, landing: Landing, wish: Wish) -> None:
        self._store = store
        self._plan = plan
        self._landing = landing
        before = f"{landing.place.path}/_memory/{kind_of(plan)}"
        self._since_key = f"{before}.json"
        # A page is good or not by itself, but the next one hangs on it: long answers are asked for whole.
        self._validators = (
            Validators(store, f"{before}.parquet")
            if plan.cache and plan.pages is None and not wish.again
            else None
        )

    def since(self) -> str | None:
        return (
            None if self._plan.since is None else read_since(self._store, self._since_key, self._plan.since)
        )

    def find(self, request: str) -> Remembered | None:
        return None if self._validators is None else self._validators.find(request)

    def learn(self) -> None:
        """Remember what has landed. Done before the landing is declared finished, so that it is never left out."""
        if self._validators is not None:
            self._validators.learn(self._landing.batches())
        if self._plan.since is not None:
            write_since(self._store, self._since_key, self._plan, list(self._landing.batches()))


class _Todo:
    """The requests that are still to be made; counts those that are not."""

    def __init__(self, plan: ApiPlan, landing: Landing, wish: Wish, memory: _Memory) -> None:
        self.requests = 0
        self.before = 0
        self.fresh = 0
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
            if bytes.fromhex(request.key) in self._landing.complete:
                self.before += 1
            elif (known := self._known(request)) is None:
                self.fresh += 1
            else:
                yield Todo(request, known)

    def _known(self, request: Request) -> Known | None:
        """What is known of a request; None where an earlier answer is still good."""
        standing = self._landing.partial.get(request.key)
        if standing is not None:
            return Known(standing.page, standing.next)
        remembered = self._memory.find(request.key)
        if remembered is None:
            return Known()
        return None if remembered.fresh else Known(validators=remembered.headers)


class _Delivery:
    def __init__(self, landing: Landing) -> None:
        self.batches = 0
        self._landing = landing

    def land(self, answers: Sequence[Answer]) -> None:
        self._landing.land(answers)
        self.batches += 1


def _rows(plan: ApiPlan) -> Iterator[Row]:
    if plan.each.query is None:
        return plain_rows(plan.each, Path())
    return _queried(find(plan.each.connection), plan.each.query)


def _queried(connection: Connection, query: str) -> Iterator[Row]:
    from penstock.postgres.connect import connect

    with connect(connection) as session, session.transaction(), session.cursor(name="rows") as cursor:
        yield from cursor.execute(query)


def _account(target: str, todo: _Todo, landing: Landing, fetched: Fetched, batches: int) -> LandResult:
    earlier = landing.earlier
    return LandResult(
        target=target,
        label=landing.place.label,
        requests=todo.requests,
        answered=todo.before + fetched.asked - fetched.failed - fetched.errors,
        fresh=todo.fresh,
        answers=earlier["answers"] + fetched.answers - fetched.errors,
        absent=earlier["absent"] + fetched.absent,
        unchanged=earlier["unchanged"] + fetched.unchanged,
        calls=fetched.calls,
        landed_before=todo.before,
        batches=earlier["batches"] + batches,
        bytes=earlier["bytes"] + fetched.bytes,
    )


def _require_whole(plan: ApiPlan, result: LandResult, fetched: Fetched) -> None:
    missing = result.requests - result.answered - result.fresh
    if missing:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in sorted(fetched.reasons.items()))
        raise SourceError(
            f"{plan.source}: {missing} of {result.requests} requests have no answer: {reasons}",
            hint="what came has landed; run it again, it asks for what is missing. In the plan, statuses says what a "
            "status means",
        )


def _path(target: str) -> str:
    address = parse(target)
    if not isinstance(address, Lake) or not address.path:
        raise UsageError(f"{target!r} names no place in the lake", hint="land answers in lake:name")
    return address.path


def _label(store: ObjectStore, path: str, plan: ApiPlan, wish: Wish) -> str:
    """The label given; else that of a landing of this plan that was not finished; else the time."""
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


def _close(store: ObjectStore, path: str, plan: ApiPlan, label: str) -> None:
    """Forget that this landing was to be gone on with."""
    key = _open_key(path, plan)
    unfinished = read_json(store, key)
    if unfinished is not None and unfinished["label"] == label:
        store.delete([key])


def _open_key(path: str, plan: ApiPlan) -> str:
    return f"{path}/{_OPEN}/{kind_of(plan)}.json"


def _way(connection: Connection) -> Way:
    return Way(
        base_url(connection),
        lambda url: allowed(url, connection),
        lambda url: keeps_credentials(url, connection),
    )


def _with_auth(plan: ApiPlan, connection: Connection) -> ApiPlan:
    """The plan, with the connection's word for where the key goes unless it has its own."""
    told = connection.extra.get("auth")
    return replace(plan, auth=Auth.parse(told)) if plan.auth is None and told else plan


def _key(plan: ApiPlan, connection: Connection) -> Secret | None:
    """The API's key: a variable's or the connection's."""
    if plan.auth is None or plan.auth.variable is None:
        return connection.password
    found = resolving.find_variable(plan.auth.variable)
    if not found:
        raise ConnectionFailed(
            f"no variable {plan.auth.variable!r}, which is to be the key",
            hint=f"penstock variable set {plan.auth.variable} --secret",
        )
    return Secret(found)


def _permits(plan: ApiPlan, connection: Connection, key: Secret | None) -> Permits | None:
    """The limit, kept where all who share it can see it."""
    if plan.limit is None:
        return None
    api = _api(connection, key)
    if (shared := _shared(plan)) is not None:
        from penstock.limits.postgres import PostgresPermits

        return PostgresPermits(shared, api, plan.limit, _lease_s(plan))
    from penstock.limits.file import FilePermits

    return FilePermits(_state("limits") / "permits.sqlite", api, plan.limit, _lease_s(plan))


def _shared(plan: ApiPlan) -> Connection | None:
    """The database through which machines share the plan's limit, where there are both."""
    if plan.limit is None:
        return None
    if plan.limit.shared is not None:
        return find(plan.limit.shared)
    found = resolving.known(WAREHOUSE)
    return found if found is not None and found.type == "postgres" else None


def _lease_s(plan: ApiPlan) -> float:
    """So long a permit can be in use: the call's time, and the time in which it counts."""
    assert plan.limit is not None
    return plan.limit.per_s + plan.timeout_s + 5


def _api(connection: Connection, key: Secret | None) -> str:
    """What the limit is of: the service and the credential, from which nobody can tell the credential."""
    secret = f"{connection.login or ''}:{key.reveal() if key else ''}".encode()
    # Slow on purpose: a short password is not found by trying.
    digest = hashlib.scrypt(
        secret, salt=f"penstock {base_url(connection)}".encode(), n=1 << 14, r=8, p=1, dklen=16
    )
    return f"{connection.host} {digest.hex()}"


def _state(part: str) -> Path:
    """A directory for what the processes of this machine share."""
    project = resolving.project_here()
    if project is not None:
        return project.make_state_dir(part)
    own = Path(tempfile.gettempdir(), f"penstock-{os.getuid()}")
    own.mkdir(exist_ok=True, mode=0o700)
    if own.stat().st_uid != os.getuid():
        raise UsageError(f"{own} belongs to somebody else", hint="change into a project: penstock init")
    path = own / part
    path.mkdir(exist_ok=True)
    return path
