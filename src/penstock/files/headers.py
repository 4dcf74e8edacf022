"""Names of columns: every file of a source has the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from penstock.model.columns import matching_key
from penstock.model.contract import snake_case
from penstock.model.errors import SourceError

# Bytes of a name in Postgres, which cuts longer ones.
_LONGEST = 63


def name_columns(cells: Sequence[str | None], table: Collection[str] = ()) -> tuple[str, ...]:
    """The names in a header, each of which names one column of a table.

    A cell without a letter or digit becomes ``column_N``, a name of more than 63 bytes is cut, and a further column of
    a name gets a number.

    Args:
        table: Columns of the table that exists; names that are spelled so stay as they are.

    Example:
        >>> name_columns(["id", "#", "name", "Name", ""])
        ('id', 'column_2', 'name', 'Name_2', 'column_5')
    """
    names = [(cell or "") if cell in table else _cut(cell or "") for cell in cells]
    taken: set[str] = set()
    found = dict(_distinct(((at, name) for at, name in enumerate(names) if name), taken))
    found |= dict(_distinct(((at, f"column_{at + 1}") for at, name in enumerate(names) if not name), taken))
    return tuple(found[at] for at in range(len(names)))


def _distinct(names: Iterator[tuple[int, str]], taken: set[str]) -> Iterator[tuple[int, str]]:
    for at, name in names:
        number, one = 1, name
        while matching_key(one) in taken:
            number += 1
            one = f"{_clip(name, _LONGEST - len(str(number)) - 1)}_{number}"
        taken.add(matching_key(one))
        yield at, one


def _cut(name: str) -> str:
    """A name that a column can have; empty where there is nothing to name it by."""
    if not any(map(str.isalnum, name)):
        return ""
    column = snake_case(name)
    return name if len(column.encode()) <= _LONGEST else _clip(column, _LONGEST)


def _clip(name: str, size: int) -> str:
    return name.encode()[:size].decode("utf-8", "ignore") if len(name.encode()) > size else name


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
