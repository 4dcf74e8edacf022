"""Checks that an environment provides the names that a project's DAGs use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from penstock.environments.dag_references import Demand, Kind
from penstock.environments.environment import Environment
from penstock.environments.inheritance import environment_names, read_lineage
from penstock.environments.loading import BASE
from penstock.model.errors import PenstockError
from penstock.project import Project

_SHOWN = 3  # number of places to list; the rest are counted


class NotProvided(PenstockError):
    """DAGs use a connection or variable that an environment does not provide."""


def lacking(
    environment: Environment, asked: Iterable[Demand], elsewhere: Collection[str] = ()
) -> Iterator[NotProvided]:
    """Yield a problem for each name that is used but not provided. Needs no key and makes no connections.

    Args:
        elsewhere: Names from other places: environment variables, a vault, an embedded server.
    """
    provided = {"connection": environment.connection_names(), "variable": environment.variable_names()}
    places: dict[tuple[Kind, str], list[str]] = {}
    for one in asked:
        known = one.name is None or one.optional or one.name in elsewhere or one.name in provided[one.kind]
        if one.name is not None and not known:
            places.setdefault((one.kind, one.name), []).append(str(one))
    where = f"environment {environment.name!r}" if environment.name else "the project"
    option = f" --env {environment.name}" if environment.name else ""
    for (kind, name), found in places.items():
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield NotProvided(
            f"{where} has no {kind} {name!r}, used in {', '.join(found[:_SHOWN])}{more}",
            hint=f"penstock {'connection add' if kind == 'connection' else 'variable set'} {name}{option}",
        )


def served(environment: Environment, elsewhere: Collection[str] = ()) -> Iterator[NotProvided]:
    """Yield a problem for each connection to one of the project's own servers, which is a mistake in a deployment.

    Args:
        elsewhere: Names for which this is intended.
    """
    for name in environment.connection_names():
        try:
            server = environment.served_by(name)
        except PenstockError:
            continue  # already reported
        if server is not None and name not in elsewhere:
            yield NotProvided(
                f"environment {environment.name!r}: connection {name!r} links to this project's own {server!r}",
                hint=f"penstock connection add {name} --env {environment.name}, or --elsewhere {name}",
            )


def deployed(root: Path) -> tuple[str, ...]:
    """Return the environments that DAGs run in: the project's default, and those that no other inherits from.

    Raises:
        PenstockError: A file is invalid.
    """
    names = environment_names(root)
    parents = {
        parent for name in names for file in read_lineage(root, name)[-1:] for parent, _ in file.inherits
    }
    return tuple(name for name in names if name not in parents or name == default(root))


def default(root: Path) -> str:
    """Return the project's default environment, independent of this process's environment variables."""
    return str(Project(root).section("project").get("environment", BASE))
