"""The files of an environment in merge order, and conflicts between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import combinations
from pathlib import Path

from penstock.environments.errors import BadEnvironment, Place, suggestion
from penstock.environments.layer import Layer, merge
from penstock.environments.parse_file import EnvironmentFile, read_file
from penstock.model.errors import UsageError

DIRECTORY = "environments"
SUFFIX = ".yaml"
_NAME = re.compile(r"\w[\w-]*", re.ASCII)


def environment_names(root: Path) -> tuple[str, ...]:
    """Return the names of the environments that have files."""
    return tuple(
        sorted(path.stem for path in (root / DIRECTORY).glob(f"*{SUFFIX}") if _NAME.fullmatch(path.stem))
    )


def path_of(root: Path, name: str) -> Path:
    """Return the path of an environment's file, whether or not it exists.

    Raises:
        UsageError: The name is invalid.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"invalid environment name {name!r}", hint="use letters, digits, - and _")
    return root / DIRECTORY / f"{name}{SUFFIX}"


def read_lineage(root: Path, name: str, draft: EnvironmentFile | None = None) -> tuple[EnvironmentFile, ...]:
    """Read the environment's file and those it inherits from, each once, parents before children.

    Args:
        draft: New contents of the environment's file, to use instead of the file.

    Raises:
        BadEnvironment: A file is invalid, a parent is unknown, or the inheritance is circular.
        UsageError: The environment is unknown.
    """
    if draft is None and not path_of(root, name).is_file():
        raise UsageError(f"unknown environment {name!r}", hint=suggestion(name, environment_names(root)))
    lineage: dict[str, EnvironmentFile] = {}
    _visit(root, name, [], lineage, draft)
    return tuple(lineage.values())


def _visit(
    root: Path,
    name: str,
    path: list[str],
    lineage: dict[str, EnvironmentFile],
    draft: EnvironmentFile | None = None,
) -> None:
    if name in lineage:
        return
    file = draft or read_file(path_of(root, name), f"{DIRECTORY}/{name}{SUFFIX}", name)
    path.append(name)
    for parent, place in file.inherits:
        if parent in path:
            circle = " -> ".join([*path[path.index(parent) :], parent])
            raise BadEnvironment(place, f"circular inheritance: {circle}", "remove one of the inherits")
        if not _NAME.fullmatch(parent) or not path_of(root, parent).is_file():
            raise BadEnvironment(
                place,
                f"inherits an unknown environment {parent!r}",
                suggestion(parent, environment_names(root)),
            )
        _visit(root, parent, path, lineage)
    path.pop()
    lineage[name] = file


def merge_lineage(lineage: Sequence[EnvironmentFile]) -> Layer:
    """Merge the files.

    Raises:
        BadEnvironment: Two files that do not inherit from each other define a value differently, and no descendant of
            both defines it.
    """
    ancestors = _ancestors(lineage)
    for one, other in combinations(lineage, 2):
        if one.name not in ancestors[other.name]:
            heirs = [file.layer for file in lineage if {one.name, other.name} <= ancestors[file.name]]
            _check_pair(one.layer, other.layer, heirs, f"{DIRECTORY}/{lineage[-1].name}{SUFFIX}")
    return reduce(merge, (file.layer for file in lineage), Layer())


def _ancestors(lineage: Sequence[EnvironmentFile]) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for file in lineage:
        parents = [name for name, _ in file.inherits]
        found[file.name] = frozenset(parents).union(*(found[name] for name in parents))
    return found


def _check_pair(one: Layer, other: Layer, heirs: Sequence[Layer], heir: str) -> None:
    for what, first, second in _differences(one, other):
        if not any(_settles(layer, what) for layer in heirs):
            raise BadEnvironment(
                second,
                f"{' '.join(part for part in what if part)} differs from {first}, and neither inherits the other",
                hint=f"define the value in {heir}",
            )


# A conflict: ("connection", name, field or "" for the whole connection) or ("variable", name, "").
What = tuple[str, str, str]


def _differences(one: Layer, other: Layer) -> Iterator[tuple[What, Place, Place]]:
    for name in one.variables.keys() & other.variables.keys():
        left, right = one.variables[name], other.variables[name]
        if left.text != right.text:
            yield ("variable", name, ""), left.place, right.place
    for name in one.connections.keys() & other.connections.keys():
        first, second = one.connections[name], other.connections[name]
        if first.fresh != second.fresh:
            yield ("connection", name, ""), first.place, second.place
            continue
        for field in first.fields.keys() & second.fields.keys():
            left, right = first.fields[field], second.fields[field]
            if left.text != right.text:
                yield ("connection", name, field), left.place, right.place


def _settles(heir: Layer, what: What) -> bool:
    section, name, field = what
    if section == "variable":
        return name in heir.variables
    entry = heir.connections.get(name)
    return entry is not None and (entry.fresh or field in entry.fields)
