"""The process that Airflow's parts are forked from, for real; what it forks here is a stopwatch that sleeps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
from tests.waiting import until

from penstock.stack.forkserver import Child, Nurseries
from penstock.stack.processes import Identity, identify, is_alive, kill_family

SLEEPS = ("timeit", "-n1", "-r1", "import time, sys; print('begun', flush=True); time.sleep(60)")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[IO[str]]:
    with (tmp_path / "log").open("w+") as log:
        yield log


@pytest.fixture
def nurseries() -> Iterator[Nurseries]:
    nurseries = Nurseries(shared=["json"])  # Airflow is dear; the tests of the stack have it
    yield nurseries
    nurseries.close()


@pytest.fixture
def launch(nurseries: Nurseries, log: IO[str]) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def launch(*words: str) -> Child:
        made.append(nurseries.launch(words, os.environ, log.fileno()))
        return made[-1]

    yield launch
    for child in made:
        if (process := child.identity()) is not None:
            kill_family(process)


def begun(child: Child) -> Identity:
    until(child.identity)
    found = child.identity()
    assert found is not None
    return found


def test_a_child_is_a_process_of_its_own_and_what_became_of_it_is_told(
    launch: Callable[..., Child], log: IO[str]
) -> None:
    first, second, third = launch(*SLEEPS), launch(*SLEEPS), launch("timeit", "import os; os._exit(3)")
    one, other = begun(first), begun(second)
    nursery = psutil.Process(one.pid).ppid()
    assert nursery == psutil.Process(other.pid).ppid() != os.getpid()
    # Its own session, so that nothing of it is taken for another's.
    until(lambda: os.getsid(one.pid) == one.pid)
    until(lambda: Path(log.name).read_text().count("begun") == 2)

    until(lambda: third.poll() is not None)
    assert third.poll() == 3
    assert (first.poll(), second.poll()) == (None, None)
    os.kill(one.pid, signal.SIGKILL)
    until(lambda: first.poll() is not None)
    assert (first.poll(), second.poll()) == (-signal.SIGKILL, None)

    # The nursery dies: its children continue and are still found alive, and the next request starts a new one.
    os.kill(nursery, signal.SIGKILL)
    until(lambda: identify(nursery) is None)
    assert second.poll() is None
    os.kill(other.pid, signal.SIGKILL)
    until(lambda: second.poll() is not None)
    fourth = launch(*SLEEPS)
    assert psutil.Process(begun(fourth).pid).ppid() != nursery


def test_nothing_begins_that_is_no_longer_wanted(launch: Callable[..., Child], nurseries: Nurseries) -> None:
    unwanted, wanted = launch(*SLEEPS), launch(*SLEEPS)
    unwanted.cancel()
    left = begun(wanted)
    until(lambda: unwanted.poll() is not None)
    assert is_alive(left)

    late = launch(*SLEEPS)
    nurseries.close()
    assert late.poll() in (None, 1)
    until(lambda: late.poll() == 1 or late.identity() is not None)
    assert is_alive(left)  # running tasks continue


def test_other_variables_are_another_nursery(nurseries: Nurseries, log: IO[str], tmp_path: Path) -> None:
    output = tmp_path / "output"
    asks = ("timeit", "-n1", "-r1", f"import os; open({str(output)!r}, 'a').write(os.environ['WHICH'])")
    for which in ("a", "b"):
        child = nurseries.launch(asks, {**os.environ, "WHICH": which}, log.fileno())
        until(lambda child=child: child.poll() is not None)  # type: ignore[misc]
    assert output.read_text() == "ab"
