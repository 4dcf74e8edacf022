"""Prefetching: generators run in threads of their own, ahead of whoever reads what they make."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_END = object()

# A producer that is not blocked ends by itself, once it has made the item it is at.
_POLITE_S = 0.1
_GRACE_S = 10.0
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Producer(Generic[T]):
    """What one thread makes.

    Args:
        items: Read in the thread, and closed there if it can be closed, as a generator can.
        interrupt: Called from the reader's thread when this one must end and is blocked, as in waiting for a server;
            makes it end, and raises nothing.
    """

    items: Iterable[T]
    interrupt: Callable[[], None] = _nothing


class Prefetch(Generic[T]):
    """The items of some producers, made while the reader is busy with earlier ones.

    Those of one producer come in their order. The threads run while the ``with`` block lasts. However it is left, the
    producers are stopped and their threads are joined, so that what they use may be closed after it. A thread that is
    still blocked some seconds after it was interrupted is left behind, with a warning.

    Reading, cleaning and sending spend their time in native code that lets other threads run: three of them one behind
    the other keep two cores busy.

    Args:
        producers: One thread each.
        depth: How many items may wait to be read; it bounds the memory.

    Raises:
        BaseException: Whatever a producer raises, where its next item would have come; the others end with it.
        RuntimeError: When it is read, that it was stopped before its end, or that a thread was lost.

    Example:
        >>> with Prefetch(Producer(n * n for n in range(4))) as squares:
        ...     list(squares)
        [0, 1, 4, 9]
    """

    # Simple queues, in both directions: their operations are single ones of the interpreter, so a Ctrl-C in the middle
    # of one leaves no lock behind that the other side would wait for.
    def __init__(self, *producers: Producer[T], depth: int = 1) -> None:
        self._results: SimpleQueue[object] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(depth):
            self._room.put(None)
        self._threads = [
            threading.Thread(target=self._produce, args=(one.items,), name="penstock-prefetch", daemon=True)
            for one in producers
        ]
        self._interrupts = [one.interrupt for one in producers]
        self._running = len(producers)
        self._stopped = False

    def __enter__(self) -> Self:
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._end() and error is None:
            self._raise_unread()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        while self._running:
            result = self._take()
            if isinstance(result, _Failure):
                self._running = 0
                try:
                    raise result.error
                finally:
                    # The error's traceback holds this frame: without the reference back nothing waits for a collection.
                    del result
            if result is not _END:
                self._room.put(None)
                return result  # type: ignore[return-value]  # it is a T, as it is none of the others
            self._running -= 1
        raise StopIteration

    def stop(self) -> None:
        """Let the producers end, and whoever reads or will read; in any thread, and without waiting for it."""
        self._stopped = True
        for _ in self._threads:
            self._room.put(None)
        self._results.put(_END)

    def _produce(self, items: Iterable[T]) -> None:
        try:
            try:
                for item in items:
                    self._room.get()
                    if self._stopped:
                        break
                    self._results.put(item)
            finally:
                if (close := getattr(items, "close", None)) is not None:
                    close()
        except BaseException as error:  # noqa: BLE001  # handed to the reader, who raises it
            self._results.put(_Failure(error))
        else:
            self._results.put(_END)

    def _take(self) -> object:
        while not self._stopped:
            try:
                result = self._results.get(timeout=_LOOK_S)
            except Empty:
                self._look()
                continue
            if not self._stopped:
                return result
        raise RuntimeError("stopped before all items were read")

    def _look(self) -> None:
        """See that there is a thread to wait for: they are gone in a forked process, and where the interpreter ends."""
        alive = not sys.is_finalizing() and any(thread.is_alive() for thread in self._threads)
        if not alive and self._results.empty():
            raise RuntimeError("the thread that reads ahead is gone")

    def _end(self) -> bool:
        """Stop the threads, and wait for them; False if one had to be interrupted, whose failure means nothing then."""
        self.stop()
        # Where the interpreter ends, daemon threads have ended wherever they were, and Python 3.13 does not know it: to
        # join one means to wait for ever.
        if sys.is_finalizing() or self._joined(_POLITE_S):
            return True
        for thread, interrupt in zip(self._threads, self._interrupts, strict=True):
            if thread.is_alive():
                interrupt()
        if not self._joined(_GRACE_S):
            _LOG.warning("a thread that reads ahead is blocked, and was left behind after %.0f s", _GRACE_S)
        return False

    def _joined(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _raise_unread(self) -> None:
        """A failure that the reader left too early to meet, as in closing a file."""
        while not self._results.empty():
            result = self._results.get()
            if isinstance(result, _Failure):
                raise result.error


class Shared(Generic[T]):
    """An iterator that several threads take from.

    Example:
        >>> list(Shared(range(3)))
        [0, 1, 2]
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._taking = threading.Lock()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._taking:
                try:
                    item = next(self._items)
                except StopIteration:
                    return
            yield item
