"""Hands out permits for calls in this process as fast as the shared limit allows."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from penstock.ports import Permits, Return

_LONGEST_SLEEP_S = 1.0  # other processes may return unused permits
_LATEST_RETURN_S = 0.5


class Pacer:
    """Gives each caller a permit. One task talks to the limit for all callers: it takes as many permits as there are
    waiting callers, and returns used permits in the same statement.

    Use it as an asynchronous context manager.
    """

    def __init__(self, permits: Permits) -> None:
        self._permits = permits
        self._waiting: deque[asyncio.Future[int]] = deque()
        self._used: list[Return] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._used:
            await asyncio.shield(asyncio.to_thread(self._permits.take, 0, self._used))
            self._used = []

    @property
    def waiting(self) -> int:
        """The number of callers that wait for a permit."""
        return len(self._waiting)

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[None]:
        """Wait for a permit, for one call in the block.

        Raises:
            PenstockError: The limit is not available.
        """
        slot = await self._next()
        try:
            yield
        finally:
            self._used.append(Return(slot, time.monotonic()))
            self._wake.set()

    async def pause(self, seconds: float) -> None:
        """Stop all callers that share the limit for this many seconds."""
        await asyncio.to_thread(self._permits.pause, seconds)

    async def _next(self) -> int:
        if self._task is not None and self._task.done():
            self._task.result()
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake.set()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._used.append(Return(future.result(), None))
            raise

    async def _run(self) -> None:
        try:
            await self._serve()
        except BaseException as error:
            for future in self._waiting:
                if not future.done():
                    future.set_exception(error) if isinstance(error, Exception) else future.cancel()
            self._waiting.clear()
            raise

    async def _serve(self) -> None:
        pause: float | None = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            self._wake.clear()
            self._waiting = deque(future for future in self._waiting if not future.done())
            if not self._waiting and (pause is None or not self._used):
                # Used permits can be returned later and together, because each return includes its age.
                pause = _LATEST_RETURN_S if self._used else None
                continue
            used, self._used = self._used, []
            granted = await asyncio.to_thread(self._permits.take, len(self._waiting), used)
            self._grant(list(granted.slots))
            pause = min(granted.wait_s, _LONGEST_SLEEP_S) if self._waiting else None
            if not self._waiting and self._used:
                pause = _LATEST_RETURN_S

    def _grant(self, slots: list[int]) -> None:
        while slots and self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(slots.pop())
        self._used += [Return(slot, None) for slot in slots]
