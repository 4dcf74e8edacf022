"""Runs a generator ahead of its reader, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_END = object()
_POLL_S = 0.1


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def ahead(items: Iterable[T], depth: int = 1) -> Iterator[T]:
    """The same items in the same order, made while the reader is busy with earlier ones.

    Reading, cleaning and sending spend their time in native code that lets other threads run, so that three of
    these one behind the other keep two cores busy.

    Args:
        depth: How many items may wait; it bounds the memory.

    Raises:
        BaseException: Whatever the generator raises, at the place where its next item would have come.

    Example:
        >>> list(ahead(n * n for n in range(4)))
        [0, 1, 4, 9]
    """
    line: queue.Queue[object] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: object) -> None:
        while not stopped.is_set():
            try:
                line.put(item, timeout=_POLL_S)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put(item)
                if stopped.is_set():
                    return
            put(_END)
        except BaseException as error:  # noqa: BLE001  # handed to the reader, who raises it
            put(_Failure(error))

    worker = threading.Thread(target=work, name="penstock-ahead", daemon=True)
    worker.start()
    try:
        while (item := line.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item  # type: ignore[misc]  # the queue holds T, _END or _Failure, and this is neither of the two
    finally:
        stopped.set()
        worker.join()
