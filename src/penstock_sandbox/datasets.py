"""Locates the files of the `gallery` extra's data packages.

The files are read without importing the packages: one of them loads all its data frames at import, and another used to
look for its own download.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from penstock.model.errors import PenstockError


class MissingData(PenstockError):
    """A data package that the sandbox needs is not installed."""


def data_file(package: str, *parts: str) -> Path:
    """Return the path of a file in an installed package.

    Raises:
        MissingData: The package or the file is missing.

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
        f"the sandbox needs {'/'.join(parts)} from the package {package.replace('_', '-')}, which is not installed",
        hint="pip install 'penstock[gallery]'",
    )
