"""What an upgrade check finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kind of a problem. All kinds except deprecations and changes break something."""

    resolution = "resolution"  # the requirements conflict
    parse = "parse"  # a DAG file cannot be imported, or a DAG is missing
    missing_import = "import"  # an import inside a function fails
    dbt = "dbt"  # dbt cannot parse the models
    removed = "removed"  # Airflow 3 does not have it
    changed = "changed"  # works, but means something else in Airflow 3
    deprecation = "deprecation"


HARMLESS = (Kind.changed, Kind.deprecation)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that breaks or is deprecated.

    Args:
        where: File and line, relative to the project; empty if not about a file.
        today: Whether the problem also exists with the installed versions.
    """

    kind: Kind
    where: str
    message: str
    today: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an upgrade check.

    Args:
        python: The checked version of Python.
        versions: Versions of all checked packages, by name.
        changed: Packages with a different installed version, by name: the installed and the checked version.
        problems: What breaks or is deprecated.
        dags: Number of DAGs.
        notes: What else the user should know, such as how to fix problems.
    """

    python: str
    versions: Mapping[str, str]
    changed: Mapping[str, tuple[str, str]]
    problems: tuple[Problem, ...]
    dags: int
    notes: tuple[str, ...] = ()

    @property
    def broken(self) -> tuple[Problem, ...]:
        """The problems that do not exist with the installed versions."""
        return tuple(one for one in self.problems if not one.today and one.kind not in HARMLESS)


def marked(found: Iterable[Problem], today: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the sorted problems, marking those that also exist today.

    A DAG file or dbt project that cannot be parsed today is broken today, whatever the message: other versions have
    other words.

    Example:
        >>> one = Problem(Kind.parse, "dags/a.py:3", "x")
        >>> marked([one], [Problem(Kind.parse, "dags/a.py:3", "x")])[0].today
        True
    """
    known = {_identity(one) for one in today}
    return tuple(
        sorted(Problem(one.kind, one.where, one.message, _identity(one) in known) for one in set(found))
    )


def _identity(problem: Problem) -> tuple[Kind, str, str]:
    if problem.where and problem.kind in (Kind.parse, Kind.dbt):
        return problem.kind, problem.where.partition(":")[0], ""
    return problem.kind, problem.where, problem.message
