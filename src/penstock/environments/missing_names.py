"""Whether an environment provides what the project's DAGs ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from penstock.environments.dag_references import Demand, Kind
from penstock.environments.environment import Environment
from penstock.environments.inheritance import environment_names, read_lineage
from penstock.environments.loading import BASE
from penstock.model.errors import PenstockError
from penstock.project import Project

_SHOWN = 3  # places; the rest are counted


class NotProvided(PenstockError):
    """DAGs ask for a connection or variable that an environment does not provide."""


def lacking(
    environment: Environment, asked: Iterable[Demand], elsewhere: Collection[str] = ()
) -> Iterator[NotProvided]:
    """What is asked for and not provided, a problem each. Needs no key, and connects to nothing.

    Args:
        elsewhere: Names that come from somewhere else: the process's variables, a vault, an embedded server.
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
            f"{where} has no {kind} {name!r}, which {', '.join(found[:_SHOWN])}{more} ask{'s' * (len(found) == 1)} for",
            hint=f"penstock {'connection add' if kind == 'connection' else 'variable set'} {name}{option}",
        )


def served(environment: Environment, elsewhere: Collection[str] = ()) -> Iterator[NotProvided]:
    """Connections that lead to what the project serves itself, which no deployment should do by mistake.

    Args:
        elsewhere: Names for which it is no mistake.
    """
    for name in environment.connection_names():
        try:
            server = environment.served_by(name)
        except PenstockError:
            continue  # told already
        if server is not None and name not in elsewhere:
            yield NotProvided(
                f"environment {environment.name!r}: connection {name!r} leads to this project's own {server!r}",
                hint=f"penstock connection add {name} --env {environment.name}, or --elsewhere {name}",
            )


def deployed(root: Path) -> tuple[str, ...]:
    """The environments that DAGs run in: the project's default, and those that no other inherits from.

    Raises:
        PenstockError: If a file is wrong.
    """
    names = environment_names(root)
    parents = {
        parent for name in names for file in read_lineage(root, name)[-1:] for parent, _ in file.inherits
    }
    return tuple(name for name in names if name not in parents or name == default(root))


def default(root: Path) -> str:
    """The environment in use where nothing else is said, whatever this process's variables say."""
    return str(Project(root).section("project").get("environment", BASE))
