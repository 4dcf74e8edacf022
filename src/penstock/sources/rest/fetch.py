"""Asks all requests of a plan, many at once, each as often as it takes and no more."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import stamina

from penstock.model.answer import Answer, Outcome
from penstock.model.api import ApiPlan
from penstock.model.errors import PenstockError, Refused, SourceError
from penstock.ports import Permits
from penstock.sources.rest.buffer import Buffer, Deliver
from penstock.sources.rest.client import LANE, Broken, Client, Credential, Reply, Way
from penstock.sources.rest.pacing import Pacer
from penstock.sources.rest.paging import NotPaged, Page, first_page, next_page
from penstock.sources.rest.requests import Request

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a request before it is asked.

    Args:
        page: So many pages of it have landed.
        next: How the next one is asked for; None where there is no further.
        validators: Headers that ask whether an earlier answer is still good.
    """

    page: int = 0
    next: str | None = None
    validators: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Fetched:
    """The account of one run.

    Args:
        asked: Requests that were asked, each with all of its pages.
        answers: Pages that came.
        calls: Calls that were made, repeated ones and redirects included.
        failed: Requests that were given up.
        reasons: The errors by what they were.
    """

    asked: int = 0
    answers: int = 0
    absent: int = 0
    unchanged: int = 0
    errors: int = 0
    failed: int = 0
    calls: int = 0
    bytes: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def note(self, reason: str) -> None:
        """Count an error."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


class _Again(Exception):
    """No answer yet, and trying again may bring one."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class _Patience:
    """Decides whether a request is tried again, and when."""

    def __init__(self, seconds: float) -> None:
        self.queued_s = 0.0
        self._seconds = seconds
        self._begun = time.monotonic()

    def __call__(self, error: Exception) -> bool | float:
        """Whether to try again, or after how many seconds."""
        if not isinstance(error, _Again):
            return False
        left = self._seconds - (time.monotonic() - self._begun - self.queued_s)
        # To wait for an hour where the plan's patience ends in a minute would help nobody.
        if left <= 0 or (error.wait_s or 0) > left:
            return False
        return True if error.wait_s is None else error.wait_s


@dataclass(frozen=True, slots=True)
class _Try:
    number: int
    patience: _Patience


class _GivenUp(Exception):
    """One request that is left for the next run."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Todo:
    """A request, and what is known of it."""

    request: Request
    known: Known


def fetch(
    plan: ApiPlan,
    todo: Iterator[Todo],
    credential: Credential,
    way: Way,
    permits: Permits | None,
    deliver: Deliver,
) -> Fetched:
    """Ask these requests; answers are handed over as they come.

    Raises:
        SourceError: If the API refuses the key, or too many requests had to be given up. What came by then is landed.
        PenstockError: If the lake or the limit cannot be used.
    """
    run = _Run(plan, todo, Buffer(deliver, plan.batch))

    def begin() -> Fetched:
        return asyncio.run(run.everything(Client(plan, credential, way), permits))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return begin()
    # The caller has a loop of its own, as a notebook does.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(begin).result()


class _Run:
    def __init__(self, plan: ApiPlan, todo: Iterator[Todo], buffer: Buffer) -> None:
        self._plan = plan
        self._todo = todo
        self._buffer = buffer
        self._first_came = asyncio.Event()
        self._client: Client
        self._pacer: Pacer | None = None
        self.account = Fetched()

    async def everything(self, client: Client, permits: Permits | None) -> Fetched:
        async with AsyncExitStack() as stack:
            self._client = await stack.enter_async_context(client)
            if permits is not None:
                self._pacer = await stack.enter_async_context(Pacer(permits))
            try:
                await self._together()
            finally:
                await self._buffer.flush()
        return self.account

    async def _together(self) -> None:
        watch = asyncio.create_task(self._buffer.watch())
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._plan.concurrency):
                    group.create_task(self._work(number))
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            watch.cancel()

    async def _work(self, number: int) -> None:
        """Ask one request after another. The first one is asked alone: a wrong key costs one call."""
        LANE.set(number)
        if number:
            await self._first_came.wait()
        for todo in self._todo:
            try:
                await self._ask(todo)
            except _GivenUp as given_up:
                self._give_up(given_up)
                self._first_came.set()
        self._first_came.set()

    def _give_up(self, given_up: _GivenUp) -> None:
        self.account.failed += 1
        self.account.note(given_up.reason)
        if self.account.failed > self._plan.retries.failures:
            raise SourceError(
                f"{self._plan.connection} does not answer: {given_up.reason}; "
                f"{self.account.failed} requests were given up",
                hint="what came has landed; run it again, it asks for what is missing",
            )

    async def _ask(self, todo: Todo) -> None:
        """One request with all of its pages."""
        known = todo.known
        at = known.next if known.page else first_page(self._plan.pages)
        self.account.asked += 1
        for page in range(known.page, self._plan.pages.most if self._plan.pages else 1):
            answer = await self._answer(todo, page, at)
            self._count(answer)
            await self._buffer.put(answer)
            at = answer.next
            if at is None:
                break

    def _count(self, answer: Answer) -> None:
        self._first_came.set()
        account = self.account
        account.answers += 1
        account.bytes += len(answer.body)
        account.absent += answer.outcome == "absent"
        account.unchanged += answer.outcome == "unchanged"
        if answer.outcome == "error":
            account.errors += 1
            account.note(f"status {answer.status}")

    async def _answer(self, todo: Todo, page: int, at: str | None) -> Answer:
        retries = self._plan.retries
        patience = _Patience(retries.patience_s)
        try:
            async for attempt in stamina.retry_context(
                on=patience,
                attempts=retries.attempts or None,
                timeout=None,
                wait_initial=retries.first_wait_s,
                wait_max=retries.longest_wait_s,
                wait_jitter=retries.first_wait_s,
            ):
                with attempt:
                    return await self._try(todo, page, at, _Try(attempt.num, patience))
        except _Again as again:
            raise _GivenUp(again.reason) from None
        raise AssertionError  # stamina returns or raises

    async def _try(self, todo: Todo, page: int, at: str | None, attempt: _Try) -> Answer:
        url = self._url(todo.request, at)
        headers = {**dict(todo.request.headers), **(todo.known.validators if page == 0 else {})}
        try:
            reply = await self._call(url, headers, attempt.patience)
        except Broken as broken:
            raise _Again(str(broken)) from None
        if reply.status == 304 and headers.keys() & {"If-None-Match", "If-Modified-Since"}:
            return _as_answer(todo.request, page, None, reply, "unchanged", attempt.number)
        action = self._plan.action(reply.status)
        if action == "retry":
            raise _Again(f"status {reply.status}", await self._asked_to_wait(reply))
        if action == "stop":
            raise _stopped(self._plan, reply)
        following = None
        if action == "records":
            try:
                following = next_page(self._plan, Page(page, at, reply.url, reply.headers, reply.body))
            except NotPaged:
                raise _Again("an answer that is no JSON, and tells no next page") from None
            following = None if following is None else self._client.credential.clean_next(following)
            if following is not None and following == at:
                raise SourceError(
                    f"{reply.url} names itself as its next page", hint="check pages in the plan"
                )
        return _as_answer(todo.request, page, following, reply, action, attempt.number)

    def _url(self, request: Request, at: str | None) -> str:
        told = {} if at is None else json.loads(at)
        if "url" in told:
            return str(told["url"])
        parameters = [pair for pair in request.parameters if pair[0] not in told.get("parameters", {})]
        return self._client.address(request.path, [*parameters, *told.get("parameters", {}).items()])

    async def _call(self, url: str, headers: Mapping[str, str], patience: _Patience) -> Reply:
        """The reply behind every redirect, each of which is a call of its own."""
        for _ in range(_MOST_REDIRECTS + 1):
            queued = time.monotonic()
            async with nullcontext() if self._pacer is None else self._pacer.permit():
                patience.queued_s += time.monotonic() - queued
                self.account.calls += 1
                reply = await self._client.call(url, headers)
            if reply.status not in _REDIRECTS or "location" not in reply.headers:
                return reply
            url = urljoin(url, reply.headers["location"])
        raise SourceError(
            f"{reply.url}: redirected {_MOST_REDIRECTS} times", hint="check the connection's address"
        )

    async def _asked_to_wait(self, reply: Reply) -> float | None:
        wait_s = _retry_after(reply)
        if wait_s is not None and self._pacer is not None and wait_s <= self._plan.retries.patience_s:
            await self._pacer.pause(wait_s)
        return wait_s


def _as_answer(
    request: Request, page: int, following: str | None, reply: Reply, outcome: Outcome, attempts: int
) -> Answer:
    return Answer(
        request=request.key,
        given=request.given,
        url=reply.url,
        page=page,
        next=following,
        status=reply.status,
        outcome=outcome,
        attempts=attempts,
        asked_at=reply.asked_at,
        answered_at=reply.answered_at,
        headers=reply.headers,
        body=reply.body,
    )


def _retry_after(reply: Reply) -> float | None:
    """Seconds that the API asks to wait, written as a number or as a date; None where it does not."""
    value = reply.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value)
        # By the API's own clock, where it tells the time.
        now = parsedate_to_datetime(reply.headers["date"]) if "date" in reply.headers else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _stopped(plan: ApiPlan, reply: Reply) -> PenstockError:
    said = " ".join(reply.body[:200].decode("utf-8", "replace").split())
    what = {401: "does not know the key", 403: "lets this key not do this"}.get(reply.status, "refuses")
    kind = Refused if reply.status in (401, 403) else SourceError
    return kind(
        f"{plan.connection} {what}: status {reply.status}{f', {said!r}' if said else ''}",
        hint=f"check the key: penstock connection test {plan.connection}; in the plan, statuses says what a status "
        "means",
    )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
