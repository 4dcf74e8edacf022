"""Prefetching: generators run in threads, ahead of their reader."""

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

# A producer that is not blocked ends after its current item.
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
    """The items of one thread.

    Args:
        items: Read in the thread, and closed there if it has a ``close`` method.
        interrupt: Called from the reader's thread to end a blocked producer, such as one waiting for a server.
            It must not raise.
    """

    items: Iterable[T]
    interrupt: Callable[[], None] = _nothing


class Prefetch(Generic[T]):
    """The items of some producers, produced while the reader processes earlier ones.

    Items of one producer keep their order. The threads run within the ``with`` block. At its end, the producers are
    stopped and their threads are joined, so that their resources can be closed after it. A thread that is
    still blocked some seconds after it was interrupted is left behind, with a warning.

    Reading, cleaning and sending spend their time in native code that releases the GIL: a pipeline of three keeps two
    cores busy.

    Args:
        producers: Each runs in its own thread.
        depth: How many items may wait to be read; it bounds the memory.

    Raises:
        BaseException: Any error of a producer, in place of its next item; the other producers are stopped.
        RuntimeError: While reading, if it was stopped before its end, or a thread was lost.

    Example:
        >>> with Prefetch(Producer(n * n for n in range(4))) as squares:
        ...     list(squares)
        [0, 1, 4, 9]
    """

    # SimpleQueue in both directions: its operations are atomic in the interpreter, so a Ctrl-C in the middle of one
    # leaves no lock that the other side would wait for.
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
                    # The error's traceback holds this frame: avoid a reference cycle.
                    del result
            if result is not _END:
                self._room.put(None)
                return result  # type: ignore[return-value]  # it is a T, as it is none of the others
            self._running -= 1
        raise StopIteration

    def stop(self) -> None:
        """Stop the producers and the reader, without waiting; safe in any thread."""
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
        """Check that the threads exist: they do not in a forked process, or when the interpreter exits."""
        alive = not sys.is_finalizing() and any(thread.is_alive() for thread in self._threads)
        if not alive and self._results.empty():
            raise RuntimeError("the prefetch thread is gone")

    def _end(self) -> bool:
        """Stop the threads and wait for them; False if one was interrupted, whose errors are ignored then."""
        self.stop()
        # When the interpreter exits, daemon threads have ended, but Python 3.13 does not know it: joining one would
        # block forever.
        if sys.is_finalizing() or self._joined(_POLITE_S):
            return True
        for thread, interrupt in zip(self._threads, self._interrupts, strict=True):
            if thread.is_alive():
                interrupt()
        if not self._joined(_GRACE_S):
            _LOG.warning("a prefetch thread is blocked, and was left behind after %.0f s", _GRACE_S)
        return False

    def _joined(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _raise_unread(self) -> None:
        """An error that occurred after the reader stopped, such as when closing a file."""
        while not self._results.empty():
            result = self._results.get()
            if isinstance(result, _Failure):
                raise result.error


class Shared(Generic[T]):
    """An iterator that several threads can share.

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
