from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from penstock.engine.prefetch import ahead


def test_same_items_in_order() -> None:
    assert list(ahead(iter(range(100)), depth=3)) == list(range(100))


def test_an_error_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("later")

    got = ahead(items())
    assert next(got) == 1
    with pytest.raises(ValueError, match="later"):
        next(got)


def test_it_runs_ahead_but_not_away() -> None:
    made = []

    def items() -> Iterator[int]:
        for n in range(100):
            made.append(n)
            yield n

    got = ahead(items(), depth=2)
    assert next(got) == 0
    deadline = time.monotonic() + 5
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(made) == 4  # one taken, two waiting, one in hand
    got.close()  # type: ignore[attr-defined]  # a generator


def test_a_reader_that_leaves_ends_the_thread() -> None:
    got = ahead(iter(range(100)))
    next(got)
    got.close()  # type: ignore[attr-defined]  # a generator
    assert not [thread for thread in threading.enumerate() if thread.name == "penstock-ahead"]
