"""Names of columns: every file of a source has the same."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.model.columns import matching_key
from penstock.model.errors import SourceError


def name_columns(cells: Sequence[str | None], file: str) -> tuple[str, ...]:
    """The names in a header; an empty cell is called ``column_N``.

    Raises:
        SourceError: If two names are one to whoever matches them.
    """
    names = tuple(cell if cell and cell.strip() else f"column_{at}" for at, cell in enumerate(cells, 1))
    require_distinct(names, file)
    return names


def require_distinct(names: Sequence[str], file: str) -> None:
    """Raises SourceError if two names are one to whoever matches them."""
    first: dict[str, str] = {}
    for name in names:
        key = matching_key(name)
        if key in first:
            raise SourceError(
                f"'{file}' has two columns of one name: {first[key]!r} and {name!r}",
                hint="rename one of them; case, blanks and underscores make no difference",
            )
        first[key] = name


def rename_columns(names: Sequence[str], wanted: Sequence[str], file: str) -> tuple[str, ...]:
    """A further file's columns, in its own order, under the names that the first file gave them.

    Raises:
        SourceError: If the file has other columns than the first.
    """
    spelled = {matching_key(name): name for name in wanted}
    keys = {matching_key(name) for name in names}
    parts = (
        ("lacks", [name for key, name in spelled.items() if key not in keys]),
        ("has besides", [name for name in names if matching_key(name) not in spelled]),
    )
    differences = [f"{verb} {', '.join(map(repr, found))}" for verb, found in parts if found]
    if differences:
        raise SourceError(
            f"'{file}' has other columns than the first file: it {' and '.join(differences)}",
            hint="copy files of different columns one by one",
        )
    return tuple(spelled[matching_key(name)] for name in names)
