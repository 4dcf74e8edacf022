"""Finds all problems of an environment, not only the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from penstock.environments.connection_types import kind_of
from penstock.environments.environment import Environment
from penstock.environments.errors import BadEnvironment, Place, SecretProblem
from penstock.environments.inheritance import merge_lineage, read_lineage
from penstock.environments.keys import find_keys
from penstock.environments.layer import LINK
from penstock.model.errors import PenstockError


def problems(root: Path, name: str, *, secrets: bool = True) -> Iterator[PenstockError]:
    """Yield the problems of this environment, in the order of its files.

    Args:
        secrets: Also decrypt every secret, which needs the key.

    Example:
        >>> [str(problem) for problem in problems(Path("/nowhere"), "dev")]
        ["unknown environment 'dev'"]
    """
    try:
        lineage = read_lineage(root, name)
        layer = merge_lineage(lineage)
    except PenstockError as error:
        yield error
        return
    for file in lineage:
        yield from file.plain
    environment = Environment(name, layer, lambda: find_keys(root))
    found = [*_incomplete(environment), *(_locked(environment) if secrets else ())]
    yield from sorted(found, key=lambda problem: problem.place)


def _incomplete(environment: Environment) -> Iterator[BadEnvironment]:
    for name in environment.connection_names():
        try:
            fields = environment.shown(name)
        except BadEnvironment as error:
            yield error
            continue
        last = environment.explain(name)[-1] if fields else None
        place = Place(last.environment, last.file, last.line) if last else Place(environment.name, "", 1)
        if LINK in fields:  # the project's own server is complete
            continue
        if "type" not in fields:
            yield BadEnvironment(
                place, f"connection {name!r} has no type", "add a line such as type: postgres"
            )
            continue
        for field in kind_of(fields["type"]).fields:
            if field.required and not fields.get(field.name):
                yield BadEnvironment(
                    place,
                    f"connection {name!r} ({fields['type']}) has no {field.name}",
                    f"penstock connection set {name} --env {environment.name}",
                )


def _locked(environment: Environment) -> Iterator[SecretProblem]:
    seen: set[Place] = set()
    readers: list[tuple[Callable[[str], object], tuple[str, ...]]] = [
        (environment.connection, environment.connection_names()),
        (environment.variable, environment.variable_names()),
    ]
    for read, names in readers:
        for name in names:
            try:
                read(name)
            except SecretProblem as error:
                if error.place not in seen:
                    seen.add(error.place)
                    yield error
            except BadEnvironment:
                continue  # already reported
