"""What a trial of other versions found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a problem is: only a deprecation lets everything run."""

    resolution = "resolution"  # the requirements contradict one another
    parse = "parse"  # a DAG file cannot be imported, or a DAG is gone
    missing_import = "import"  # a name is gone that is imported inside of a function
    dbt = "dbt"  # dbt cannot parse the models
    deprecation = "deprecation"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that breaks, or will.

    Args:
        where: File and line, relative to the project; empty where it is about no file.
        today: It is so with the versions installed now, too.
    """

    kind: Kind
    where: str
    message: str
    today: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What a trial found.

    Args:
        python: The version it was tried with.
        versions: Of all packages tried, by name.
        changed: Those that are installed now in another version, by name: now and then.
        problems: What breaks, or will.
        dags: How many DAGs were found.
    """

    python: str
    versions: Mapping[str, str]
    changed: Mapping[str, tuple[str, str]]
    problems: tuple[Problem, ...]
    dags: int

    @property
    def broken(self) -> tuple[Problem, ...]:
        """What works now and would not."""
        return tuple(one for one in self.problems if not one.today and one.kind is not Kind.deprecation)


def marked(found: Iterable[Problem], today: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems found, sorted, with those marked that are there today. Lines may have moved; files have not.

    Example:
        >>> one = Problem(Kind.parse, "dags/a.py:3", "x")
        >>> marked([one], [Problem(Kind.parse, "dags/a.py:3", "x")])[0].today
        True
    """
    known = {(one.kind, one.where, one.message) for one in today}
    return tuple(
        sorted(
            Problem(one.kind, one.where, one.message, (one.kind, one.where, one.message) in known)
            for one in set(found)
        )
    )
