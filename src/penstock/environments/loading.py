"""Chooses, loads and caches environments; reads connections from the process's environment variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.environments.environment import Environment
from penstock.environments.formats.airflow import from_text
from penstock.environments.layer import Layer
from penstock.environments.secret_detection import Extra
from penstock.model.connection import Connection
from penstock.model.errors import UsageError
from penstock.project import MARKER, Project

if TYPE_CHECKING:
    from penstock.environments.keys import Keys

VARIABLE = "PENSTOCK_ENV"
BASE = "base"

# The stamp of a file: time and size change when it is saved in place, and the inode when it is replaced.
Stamp = tuple[int, int, int] | None

_kept: dict[tuple[Path, str], tuple[dict[Path, Stamp], Layer]] = {}
_defaults: dict[Path, tuple[Stamp, str | None]] = {}


def load(root: Path, name: str | None = None, *, key: Keys | str | None = None) -> Environment:
    """Load an environment of the project at ``root``.

    It is chosen by the argument, else by ``PENSTOCK_ENV``, else by ``[project] environment`` in ``penstock.toml``, else
    it is ``base`` if that has a file. A project without environments has an empty one.

    Args:
        root: The directory of ``penstock.toml`` and ``environments/``.
        name: Name of the environment.
        key: Key for decryption, instead of ``PENSTOCK_KEY`` or ``.penstock/key``; needed only for secrets.

    Raises:
        BadEnvironment: A file is invalid or holds a secret in plain text; the message has the file and the line.
        UsageError: The environment is unknown.

    Example:
        >>> load(Path("/nowhere")).connection_names()
        ()
    """
    chosen = choose(root, name)
    layer = Layer() if chosen is None else _layer(root, chosen)
    return Environment(chosen or "", layer, _keys(root, key))


def choose(root: Path, name: str | None = None) -> str | None:
    """Return the name of the environment that `load` loads; None if the project has none."""
    chosen = name or os.environ.get(VARIABLE) or _default(root)
    if chosen:
        return chosen
    return BASE if (root / "environments" / f"{BASE}.yaml").is_file() else None


def _default(root: Path) -> str | None:
    stamp = _stamp(root / MARKER)
    if root not in _defaults or _defaults[root][0] != stamp:
        chosen = Project(root).section("project").get("environment")
        if chosen is not None and not isinstance(chosen, str):
            raise UsageError(f"{root / MARKER}: environment must be a name", hint='environment = "dev"')
        _defaults[root] = stamp, chosen
    return _defaults[root][1]


def _layer(root: Path, name: str) -> Layer:
    kept = _kept.get((root, name))
    if kept is not None and all(_stamp(path) == stamp for path, stamp in kept[0].items()):
        return kept[1]
    from penstock.environments.inheritance import merge_lineage, path_of, read_lineage

    # Stamp the files before reading, so that a change in between is noticed the next time.
    before = {path: _stamp(path) for path in (root / "environments").glob("*.yaml")}
    lineage = read_lineage(root, name)
    for file in lineage:
        if file.plain:
            raise file.plain[0]
    layer = merge_lineage(lineage)
    stamps = {path: before.get(path) for path in (path_of(root, file.name) for file in lineage)}
    _kept[root, name] = stamps, layer
    return layer


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _keys(root: Path, key: Keys | str | None) -> Callable[[], Keys]:
    from penstock.environments.keys import Keys, find_keys

    if key is None:
        return partial(find_keys, root)
    given = Keys([key], "the given key") if isinstance(key, str) else key
    return lambda: given


OWN = "PENSTOCK_CONN_"
AIRFLOW = "AIRFLOW_CONN_"


def find_connection(
    name: str, variables: Mapping[str, str] | None = None, *, prefixes: Sequence[str] = (OWN, AIRFLOW)
) -> Connection | None:
    """Return the connection in ``PENSTOCK_CONN_<NAME>`` or ``AIRFLOW_CONN_<NAME>``, if one is set.

    Args:
        variables: The environment; by default that of the process.
        prefixes: Prefixes of the variable names; the first one that is set is used.

    Raises:
        UsageError: The variable holds neither a URI nor JSON; the message has its name but not its value.

    Example:
        >>> find_connection("dwh", {"PENSTOCK_CONN_DWH": "postgres://etl:secret@db:5432/dwh"}).host
        'db'
    """
    given = os.environ if variables is None else variables
    for prefix in prefixes:
        variable = f"{prefix}{name.upper()}"
        if text := given.get(variable):
            found = from_text(variable, text)
            return replace(found, name=name, extra=Extra(found.extra))
    return None
