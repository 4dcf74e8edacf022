"""Runs several generators at once, each in a thread of its own, and gives what they make as it comes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_WAITING = 16  # items; bounds the memory
_POLL_S = 0.1


class Shared(Generic[T]):
    """An iterator that several threads take from.

    Example:
        >>> list(Shared(range(3)))
        [0, 1, 2]
    """

    def __init__(self, items: Sequence[T]) -> None:
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


Task = tuple[Callable[[], Iterator[T]], Callable[[], None]]


def abreast(tasks: Sequence[Task[T]]) -> Iterator[T]:
    """What all tasks make, in no order.

    Args:
        tasks: What to run, and what to call from outside to make it end early, should it hang.

    Raises:
        BaseException: The first that a task raises; the others are ended.

    Example:
        >>> sorted(abreast([(lambda: iter([1, 2]), print), (lambda: iter([3]), print)]))
        [1, 2, 3]
    """
    return _Team(tasks).items()


class _Team(Generic[T]):
    def __init__(self, tasks: Sequence[Task[T]]) -> None:
        self._line: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(maxsize=_WAITING)
        self._stopped = threading.Event()
        self._members = [
            (threading.Thread(target=self._work, args=(task,), name="penstock-abreast", daemon=True), end)
            for task, end in tasks
        ]

    def items(self) -> Iterator[T]:
        for thread, _ in self._members:
            thread.start()
        running = len(self._members)
        try:
            while running:
                last, item = self._line.get()
                if isinstance(item, BaseException):
                    raise item
                if last:
                    running -= 1
                else:
                    yield item  # type: ignore[misc]  # what is not the last of a task is one of its items
        finally:
            self._stopped.set()
            self._dismiss()

    def _dismiss(self) -> None:
        for thread, end in self._members:
            thread.join(_POLL_S)
            if thread.is_alive():
                end()
                thread.join()

    def _work(self, task: Callable[[], Iterator[T]]) -> None:
        try:
            for item in task():
                self._put(item, last=False)
                if self._stopped.is_set():
                    return
            self._put(None, last=True)
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits, who raises it
            self._put(error, last=True)

    def _put(self, item: T | BaseException | None, *, last: bool) -> None:
        while not self._stopped.is_set():
            try:
                self._line.put((last, item), timeout=_POLL_S)
            except queue.Full:
                continue
            return
