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
    begun = time.perf_counter()
    path = _path(wish.target)
    store = open_lake()
    connection = find(plan.connection, "http")
    with ExitStack() as stack:
        what = f"lake:{path}"
        stack.enter_context(locked(_state("locks"), what, store.name, plan.source))
        if (shared := _shared(plan)) is not None:
            stack.enter_context(held(shared, what, store.name, plan.source))
        label = _label(store, path, plan, wish)
        landing = Landing(store, place(path, plan, label))
        if (done := landing.done()) is not None:
            _close(store, path, plan)
            return LandResult(**{**done, "already": True})
        landing.begin(plan)
        todo = _Todo(plan, landing, wish)
        plan = _with_auth(plan, connection)
        key = _key(plan, connection)
        permits = _permits(plan, connection, key, shared)
        if permits is not None:
            stack.enter_context(closing(permits))
        credential = Credential(plan.auth or Auth(), connection, key)
        bytes_ = _Delivery(landing)
        fetched = fetch(plan, iter(todo), credential, _way(connection), permits, bytes_.land)
        result = _account(wish.target, label, todo, landing, fetched, bytes_.batches)
        result = replace(result, seconds=round(time.perf_counter() - begun, 3))
        _require_whole(plan, result, fetched)
        landing.finish(result.to_dict())
        _close(store, path, plan)
        return result


class _Todo:
    """The requests that are still to be made; counts those that are not."""

    def __init__(self, plan: ApiPlan, landing: Landing, wish: Wish) -> None:
        self.requests = 0
        self.before = 0
        self.fresh = 0
        self._plan = plan
        self._landing = landing
        self._wish = wish

    def __iter__(self) -> Iterator[Todo]:
        rows = iter(self._wish.rows) if self._wish.rows is not None else _rows(self._plan)
        for request in make_requests(self._plan, rows, self._wish.values or {}):
            self.requests += 1
            known = self._known(request)
            if known is None:
                self.before += 1
            else:
                yield Todo(request, known)

    def _known(self, request: Request) -> Known | None:
        """What is known of a request; None where nothing of it is missing."""
        if bytes.fromhex(request.key) in self._landing.complete:
            return None
        standing = self._landing.partial.get(request.key)
        return Known() if standing is None else Known(standing.page, standing.next)


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


def _account(
    target: str, label: str, todo: _Todo, landing: Landing, fetched: Fetched, batches: int
) -> LandResult:
    earlier = landing.earlier
    return LandResult(
        target=target,
        label=label,
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


def _close(store: ObjectStore, path: str, plan: ApiPlan) -> None:
    store.delete([_open_key(path, plan)])


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


def _permits(
    plan: ApiPlan, connection: Connection, key: Secret | None, shared: Connection | None
) -> Permits | None:
    """The limit, kept where all who share it can see it."""
    if plan.limit is None:
        return None
    api = _api(connection, key)
    if shared is not None:
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
