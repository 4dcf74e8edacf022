"""What the tests cost: processor and wall time of each, summed by folder at the end of a run.

The processor's time is the measure that another load on the machine does not change. It holds what the test's process
used and the processes that it waited for; servers that outlive a test, such as a stack, are not in it, and what makes
a thing that tests share is on the first that needs it. Every test's cost is in `.pytest_cache/d/costs/tests.txt`.
"""

from __future__ import annotations

import resource
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

import pytest

SLOWEST = 10
_PROPERTY = "cost"


class Cost(NamedTuple):
    """Seconds; what tests cost together is their sum."""

    cpu_s: float
    wall_s: float

    def __add__(self, other: object) -> Cost:
        assert isinstance(other, Cost)
        return Cost(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)


def now() -> Cost:
    used = [resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Cost(sum(one.ru_utime + one.ru_stime for one in used), time.perf_counter())


class Costs:
    """A plugin: workers measure, and the controller sums up."""

    def __init__(self) -> None:
        self._begun = now()
        self._spent: dict[str, Cost] = defaultdict(lambda: Cost(0.0, 0.0))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Iterator[None]:
        self._begun = now()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        begun, self._begun = self._begun, now()
        spent = Cost(self._begun.cpu_s - begun.cpu_s, self._begun.wall_s - begun.wall_s)
        report.user_properties.append((_PROPERTY, list(spent)))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == _PROPERTY:
                assert isinstance(value, list)
                self._spent[report.nodeid] += Cost(*value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        cache = getattr(terminalreporter.config, "cache", None)
        if cache is not None:
            lines = [_line(name, cost) for name, cost in _dearest(self._spent)]
            cache.mkdir("costs").joinpath("tests.txt").write_text("\n".join(lines), encoding="utf-8")
        for line in summary(self._spent):
            terminalreporter.write_line(line)


def folder(test: str) -> str:
    """The folder that a test counts for: `unit/engine` for `tests/unit/engine/test_time.py::test_x`.

    >>> folder("tests/acceptance/test_stack.py::test_x")
    'acceptance'
    """
    return "/".join(PurePosixPath(test.partition("::")[0]).parts[1:-1][:2])


def summary(spent: dict[str, Cost]) -> list[str]:
    """The slowest tests and the sums by folder, dearest first."""
    if len(spent) < 2 * SLOWEST:
        return []
    by_folder: dict[str, Cost] = defaultdict(lambda: Cost(0.0, 0.0))
    for test, cost in spent.items():
        by_folder[folder(test)] += cost
    lines = ["", "  CPU s   wall s  by folder"]
    lines += [_line(name, cost) for name, cost in _dearest(by_folder)]
    lines += ["", f"  CPU s   wall s  the {SLOWEST} dearest"]
    return lines + [_line(name, cost) for name, cost in _dearest(spent)[:SLOWEST]]


def _dearest(costs: dict[str, Cost]) -> list[tuple[str, Cost]]:
    return sorted(costs.items(), key=lambda item: item[1], reverse=True)


def _line(name: str, cost: Cost) -> str:
    return f"{cost.cpu_s:7.1f}  {cost.wall_s:7.1f}  {name}"
