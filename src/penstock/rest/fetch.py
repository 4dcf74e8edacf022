"""Makes all requests of a plan concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from penstock.model.api import ApiPlan
from penstock.model.errors import SourceError
from penstock.model.plurals import counted
from penstock.ports import LandingProgress, Permits, SafeLandingProgress, Underway
from penstock.rest.buffer import Buffer, Deliver
from penstock.rest.client import LANE, Client
from penstock.rest.hosts import Credential, Way
from penstock.rest.pagination import first_page
from penstock.rest.ratelimit.client import Pacer
from penstock.rest.requester import Exchange, GivenUp
from penstock.rest.requests import Question, Todo
from penstock.rest.stats import Fetched

_EVERY_S = 0.25  # interval of progress updates


@dataclass(frozen=True, slots=True)
class Entrance:
    """What is needed to call an API.

    Args:
        permits: Permits for calls; None if there is no limit.
    """

    credential: Credential
    way: Way
    permits: Permits | None


def fetch(
    plan: ApiPlan,
    todo: Iterator[Todo],
    entrance: Entrance,
    deliver: Deliver,
    progress: LandingProgress | None = None,
) -> Fetched:
    """Make these requests and pass on the answers as they arrive.

    Raises:
        SourceError: The API refuses the key, or too many requests failed. Answers received by then have landed.
        PenstockError: The lake or the rate limit is not available.
    """
    run = _Run(plan, todo, Buffer(deliver, plan.batch), progress)

    def begin() -> Fetched:
        return asyncio.run(run.everything(entrance))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return begin()
    # The caller already runs an event loop, as a notebook does.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(begin).result()


class _Run:
    def __init__(
        self, plan: ApiPlan, todo: Iterator[Todo], buffer: Buffer, progress: LandingProgress | None
    ) -> None:
        self._plan = plan
        self._todo = todo
        self._buffer = buffer
        self._progress = None if progress is None else SafeLandingProgress(progress)
        self._pacer: Pacer | None = None
        self._first_came = asyncio.Event()
        self._account = Fetched()

    async def everything(self, entrance: Entrance) -> Fetched:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(Client(self._plan, entrance.credential, entrance.way))
            if entrance.permits is not None:
                self._pacer = await stack.enter_async_context(Pacer(entrance.permits))
            try:
                await self._together(Exchange(self._plan, client, self._pacer, self._account))
            finally:
                await self._buffer.flush()
                self._tell()
        return self._account

    async def _together(self, exchange: Exchange) -> None:
        beside = [asyncio.create_task(self._buffer.watch()), asyncio.create_task(self._keep_telling())]
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._plan.concurrency):
                    group.create_task(self._work(number, exchange))
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            for task in beside:
                task.cancel()

    async def _keep_telling(self) -> None:
        while self._progress is not None:
            self._tell()
            await asyncio.sleep(_EVERY_S)

    def _tell(self) -> None:
        if self._progress is not None:
            waiting = 0 if self._pacer is None else self._pacer.waiting
            account = self._account
            self._progress.update(Underway(account.calls, account.answers, self._buffer.landed, waiting))

    async def _work(self, number: int, exchange: Exchange) -> None:
        """Make one request after another. The first one is made alone, so that a wrong key costs only one call."""
        LANE.set(number)
        if number:
            await self._first_came.wait()
        for todo in self._todo:
            try:
                await self._ask(todo, exchange)
            except GivenUp as given_up:
                self._give_up(given_up)
                self._first_came.set()
        self._first_came.set()

    async def _ask(self, todo: Todo, exchange: Exchange) -> None:
        """Make one request with all of its pages."""
        known = todo.known
        at = known.next if known.page else first_page(self._plan.pages)
        self._account.asked += 1
        for page in range(known.page, self._plan.pages.most if self._plan.pages else 1):
            answer = await exchange.answer(Question(todo.request, page, at, {} if page else known.validators))
            self._first_came.set()
            self._account.count(answer)
            await self._buffer.put(answer)
            at = answer.next
            if at is None:
                break

    def _give_up(self, given_up: GivenUp) -> None:
        account = self._account
        account.failed += 1
        account.note(given_up.reason)
        if account.failed > self._plan.retries.failures:
            raise SourceError(
                f"{self._plan.connection} does not answer: {given_up.reason}; "
                f"gave up {counted(account.failed, 'request')}",
                hint="received answers have landed; run it again to request the missing ones",
            )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
