"""Where the data packages of the `gallery` extra keep their files.

They are read as files and their packages never imported: one of them reads all its frames when it is, and another used
to look for a download of its own.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from penstock.model.errors import PenstockError


class MissingData(PenstockError):
    """A data package that the sandbox stands on is not installed."""


def data_file(package: str, *parts: str) -> Path:
    """The file of an installed package.

    Raises:
        MissingData: If the package, or this file of it, is not there.

    Example:
        >>> data_file("bokeh_sampledata", "_data", "stocks.csv.gz").name
        'stocks.csv.gz'
    """
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(place, *parts)
        if path.is_file():
            return path
    raise MissingData(
        f"the sandbox reads {'/'.join(parts)} of the package {package.replace('_', '-')}, which is not installed",
        hint="pip install 'penstock[gallery]'",
    )
