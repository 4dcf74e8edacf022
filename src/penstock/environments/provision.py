"""Whether an environment provides what the project's DAGs ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from penstock.environments.demands import Demand, Kind
from penstock.environments.environment import Environment
from penstock.environments.loading import load
from penstock.model.errors import PenstockError


@dataclass(frozen=True, slots=True)
class Missing:
    """A name that is asked for and not provided.

    Args:
        places: Where it is asked for, as ``file:line``.
    """

    kind: Kind
    name: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Provision:
    """What one environment lacks.

    Args:
        problem: Why the environment, or a connection that is asked for, cannot be used at all.
    """

    environment: str
    missing: tuple[Missing, ...] = ()
    problem: str | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing and self.problem is None


def provision(
    root: Path, environment: str | None, asked: Iterable[Demand], elsewhere: Collection[str] = ()
) -> Provision:
    """Compare what is asked for with what the environment provides. Needs no key and connects to nothing.

    Args:
        environment: None for a project without environments.
        elsewhere: Names that come from somewhere else: the process's variables, a vault, an embedded server.
    """
    try:
        loaded = load(root, environment)
        missing = tuple(_missing(loaded, asked, elsewhere))
    except PenstockError as error:
        return Provision(environment or "", problem=error.message)
    return Provision(loaded.name, missing)


def _missing(
    environment: Environment, asked: Iterable[Demand], elsewhere: Collection[str]
) -> Iterable[Missing]:
    connections, variables = environment.connection_names(), environment.variable_names()
    places: dict[tuple[Kind, str], list[str]] = {}
    for one in asked:
        if one.name is None or one.optional:
            continue
        if one.kind == "connection" and one.name in connections:
            environment.shown(one.name)  # finds links that lead nowhere
        elif one.name not in (variables if one.kind == "variable" else ()) and one.name not in elsewhere:
            places.setdefault((one.kind, one.name), []).append(str(one))
    return (Missing(kind, name, tuple(found)) for (kind, name), found in places.items())
