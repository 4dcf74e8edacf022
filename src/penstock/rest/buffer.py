"""Answers on their way to the lake: gathered, and handed over many at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from penstock.model.api.response import Answer

Deliver = Callable[[Sequence[Answer]], None]

_BATCH_BYTES = 16 << 20  # of bodies: so much waits in memory, and twice that while it is written
_LONGEST_S = 30.0  # a slow API's answers wait no longer than this


class Buffer:
    """Gathers answers. Of those that came, no more than one batch is ever not landed yet: half of it while the other
    half is being written.

    Args:
        deliver: Lands answers, whole or not at all. Called in a thread, by one at a time.
        batch: How many answers that are.

    Attributes:
        landed: How many answers were handed over.
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
        """Take an answer in; waits where the lake is slower than the API.

        Raises:
            PenstockError: If an earlier answer could not be landed.
        """
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(answer)
        self._bytes += len(answer.body)
        if self._is_due():
            await self._hand_over()

    async def flush(self) -> None:
        """Land everything that came."""
        await self._hand_over(everything=True)
        await self._settled()

    async def watch(self) -> None:
        """Land what has waited for long, for ever."""
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
            # Somebody who waited before us may have taken it all.
            if self._waiting and (everything or self._is_due()):
                answers, self._waiting, self._bytes = self._waiting, [], 0
                self._since = time.monotonic()
                self._writing = asyncio.create_task(self._land(answers))

    async def _land(self, answers: Sequence[Answer]) -> None:
        await asyncio.to_thread(self._deliver, answers)
        self.landed += len(answers)

    async def _settled(self) -> None:
        if self._writing is not None:
            # Whoever is cancelled here leaves the writing to go on: a later flush waits for it.
            await asyncio.shield(self._writing)
            self._writing = None
