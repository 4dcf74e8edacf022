"""A buffer that collects answers and writes them to the lake in batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from penstock.model.api.requests import Answer

Deliver = Callable[[Sequence[Answer]], None]

_BATCH_BYTES = 16 << 20  # size of the bodies kept in memory; twice that while a batch is written
_LONGEST_S = 30.0  # maximum age of an answer in the buffer


class Buffer:
    """Collects answers and lands them in batches. At most one batch of received answers has not landed yet: one half is
    collected while the other half is written.

    Args:
        deliver: Lands answers atomically. Called in a thread, never concurrently.
        batch: Number of answers per batch.

    Attributes:
        landed: Number of answers passed to `deliver`.
    """

    def __init__(self, deliver: Deliver, batch: int) -> None:
        self.landed = 0
        self._deliver = deliver
        self._half = max(1, batch // 2)
        self._waiting: list[Answer] = []
        self._bytes = 0
        self._since = 0.0
        self._writing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def put(self, answer: Answer) -> None:
        """Add an answer; waits if the lake is slower than the API.

        Raises:
            PenstockError: An earlier answer could not be landed.
        """
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(answer)
        self._bytes += len(answer.body)
        if self._is_due():
            await self._hand_over()

    async def flush(self) -> None:
        """Land all answers in the buffer."""
        await self._hand_over(everything=True)
        await self._settled()

    async def watch(self) -> None:
        """Land answers that reach the maximum age; runs until cancelled."""
        while True:
            await asyncio.sleep(_LONGEST_S / 4)
            if self._waiting and self._is_due():
                await self._hand_over()

    def _is_due(self) -> bool:
        return (
            len(self._waiting) >= self._half
            or self._bytes >= _BATCH_BYTES
            or time.monotonic() - self._since > _LONGEST_S
        )

    async def _hand_over(self, *, everything: bool = False) -> None:
        async with self._turn:
            await self._settled()
            # An earlier waiter may have landed everything.
            if self._waiting and (everything or self._is_due()):
                answers, self._waiting, self._bytes = self._waiting, [], 0
                self._since = time.monotonic()
                self._writing = asyncio.create_task(self._land(answers))

    async def _land(self, answers: Sequence[Answer]) -> None:
        await asyncio.to_thread(self._deliver, answers)
        self.landed += len(answers)

    async def _settled(self) -> None:
        if self._writing is not None:
            # If this is cancelled, the write continues; a later flush waits for it.
            await asyncio.shield(self._writing)
            self._writing = None
