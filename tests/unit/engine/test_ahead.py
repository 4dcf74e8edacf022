"""The reader or a producer ends first, in any way: nothing waits forever, and no error is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest
from tests.waiting import until

from penstock.engine import prefetch
from penstock.engine.prefetch import Prefetch, Producer, Shared


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "penstock-prefetch"]


def test_same_items_in_order() -> None:
    with Prefetch(Producer(range(100)), depth=3) as items:
        assert list(items) == list(range(100))
        assert list(items) == []


def test_an_error_comes_in_its_place() -> None:
    def made() -> Iterator[int]:
        yield 1
        raise ValueError("later")

    with Prefetch(Producer(made())) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="later"):
            next(items)


def test_it_runs_ahead_but_not_away() -> None:
    made = []

    def numbers() -> Iterator[int]:
        for n in range(100):
            made.append(n)
            yield n

    with Prefetch(Producer(numbers()), depth=2) as items:
        assert next(items) == 0
        until(lambda: len(made) == 4)
        time.sleep(0.05)
        assert len(made) == 4  # one taken, two waiting, one in hand


class Endless:
    """A generator that remembers in which thread it was closed."""

    closed_in: threading.Thread | None = None

    def items(self) -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            self.closed_in = threading.current_thread()


def test_a_reader_that_leaves_closes_the_producer_in_its_thread() -> None:
    endless = Endless()
    with Prefetch(Producer(endless.items())) as items:
        next(items)
    assert endless.closed_in is not None
    assert endless.closed_in.name == "penstock-prefetch"


def test_a_reader_that_raises() -> None:
    endless = Endless()
    with pytest.raises(LookupError), Prefetch(Producer(endless.items())) as items:  # noqa: PT012
        next(items)
        raise LookupError
    assert endless.closed_in is not None


def test_a_generator_around_it_that_is_abandoned() -> None:
    endless = Endless()

    def squares() -> Iterator[int]:
        with Prefetch(Producer(endless.items())) as items:
            for item in items:
                yield item * item

    got = squares()
    assert [next(got), next(got), next(got)] == [0, 1, 4]
    del got
    assert endless.closed_in is not None


def test_ctrl_c_while_the_reader_waits() -> None:
    waiting, ended = threading.Event(), threading.Event()

    def made() -> Iterator[int]:
        waiting.set()
        yield from [1] if ended.wait(20) else []

    def interrupts() -> None:
        waiting.wait()
        time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupts)
    thread.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Prefetch(Producer(made(), interrupt=ended.set)) as items:
        next(items)
    thread.join()
    assert time.monotonic() - began < 10


def test_the_first_error_ends_all() -> None:
    ended = threading.Event()

    def waits() -> Iterator[int]:
        yield 1
        assert ended.wait(20)

    def fails() -> Iterator[int]:
        yield 2
        raise ValueError("no")

    with (
        pytest.raises(ValueError, match="no"),
        Prefetch(Producer(waits(), ended.set), Producer(fails())) as all_,
    ):
        list(all_)
    assert ended.is_set()


def test_a_stage_that_waits_for_one_that_is_blocked() -> None:
    """Neither stage can end by itself: the first waits for its input, the second for the first."""
    ended = threading.Event()

    def made() -> Iterator[int]:
        yield 1
        ended.wait(20)

    with (
        Prefetch(Producer(made(), interrupt=ended.set)) as first,
        Prefetch(Producer(map(str, first), interrupt=first.stop)) as second,
    ):
        assert next(second) == "1"
        began = time.monotonic()
    assert time.monotonic() - began < 10


def test_one_that_nothing_ends_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(prefetch, "_GRACE_S", 0.2)
    released, done = threading.Event(), threading.Event()

    def made() -> Iterator[int]:
        yield 1
        released.wait(60)
        done.set()

    began = time.monotonic()
    with Prefetch(Producer(made())) as items:
        next(items)
    assert time.monotonic() - began < 10
    assert "left behind" in caplog.text
    released.set()
    until(lambda: done.is_set() and threading.active_count() == 1)


def test_what_was_stopped_does_not_look_complete() -> None:
    ended = threading.Event()

    def made() -> Iterator[int]:
        yield 1
        ended.wait(20)

    with Prefetch(Producer(made(), interrupt=ended.set)) as items:
        timer = threading.Timer(0.05, items.stop)
        timer.start()
        with pytest.raises(RuntimeError, match="stopped before"):
            list(items)
        timer.join()


def fails_in_closing() -> Iterator[int]:
    try:
        yield from range(10)
    finally:
        raise OSError("the disk is full")


def test_a_failure_after_the_reader_left_is_raised() -> None:
    with pytest.raises(OSError, match="full"), Prefetch(Producer(fails_in_closing())) as items:
        next(items)


def test_but_not_in_place_of_the_readers_own() -> None:
    with pytest.raises(LookupError), Prefetch(Producer(fails_in_closing())):
        raise LookupError


def test_a_thread_that_cannot_be_started_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    endless, started, start = Endless(), [0], threading.Thread.start

    def starts_one(self: threading.Thread) -> None:
        if started[0]:
            raise RuntimeError("can't start new thread")
        started[0] += 1
        start(self)

    monkeypatch.setattr(threading.Thread, "start", starts_one)
    numbers = Prefetch(Producer(endless.items()), Producer(endless.items()))
    with pytest.raises(RuntimeError, match="can't start"), numbers:
        pass
    assert endless.closed_in is not None


@pytest.mark.parametrize("seed", range(40))
def test_any_side_may_fail_anywhere(seed: int) -> None:
    chance = random.Random(seed)

    def made(count: int, *, fails: bool) -> Iterator[int]:
        for n in range(count):
            time.sleep(chance.choice([0, 0, 0.001]))
            yield n
        if fails:
            raise ValueError("the producer's")

    counts = [chance.randrange(8) for _ in range(chance.randrange(1, 4))]
    failing = [chance.random() < 0.3 for _ in counts]
    producers = [Producer(made(count, fails=fails)) for count, fails in zip(counts, failing, strict=True)]
    leaves_after = chance.choice([None, 0, 3])
    read: list[int] = []
    try:
        with Prefetch(*producers, depth=chance.randrange(1, 4)) as items:
            for item in items:
                read.append(item)
                check(len(read) != leaves_after)
    except ValueError:
        assert any(failing)
    except LookupError:
        assert len(read) == leaves_after
    else:
        assert not any(failing)
        assert sorted(read) == sorted(n for count in counts for n in range(count))


def check(fine: bool) -> None:
    if not fine:
        raise LookupError


# Where the interpreter ends, daemon threads no longer run, and to join one in Python 3.13 means to wait for ever. The
# circle keeps the generator until then.
LEFT_OPEN = """
    import gc, time
    from penstock.engine.prefetch import Prefetch, Producer

    def slow():
        while True:
            time.sleep(0.001)
            yield 1

    def items():
        with Prefetch(Producer(slow())) as made:
            yield from made

    class Circle: pass

    gc.disable()
    circle = Circle()
    circle.itself, circle.items = circle, items()
    print(next(circle.items), flush=True)
    del circle
"""

FORKED = """
    import os, time, warnings
    from penstock.engine.prefetch import Prefetch, Producer

    warnings.simplefilter("ignore")  # of a fork with threads, which is what this is about

    def slow():
        time.sleep(2)
        yield 1

    with Prefetch(Producer(slow())) as items:
        if (child := os.fork()) == 0:
            try:
                next(items)
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        print(next(items), os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize(
    ("code", "printed"),
    [(LEFT_OPEN, ["1"]), (FORKED, ["the prefetch thread is gone", "1 0"])],
    ids=["left open", "forked"],
)
def test_a_process_ends(code: str, printed: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, sorted(done.stdout.splitlines())) == (0, sorted(printed)), done.stderr
    assert not done.stderr


def test_each_item_is_taken_once() -> None:
    shared = Shared(range(1000))
    with Prefetch(*[Producer(shared)] * 4) as items:
        assert sorted(items) == list(range(1000))
