"""The header of a file: whether the first record is one, and the columns' names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from penstock.model.columns import MOST_COLUMNS, matching_key
from penstock.model.contract import snake_case
from penstock.model.errors import SourceError

Cells = Sequence[str]

_KINDS = {
    "number": re.compile(r"[+-]?[$€£]?(?:\d+|\d{1,3}(?:[,' ]\d{3})+)?(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s?[%€]?"),
    "date": re.compile(
        r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?:[T ]\d{1,2}:\d\d.*)?"
        r"|\d{1,2}[- .]+[A-Za-z]{3,9}[- .,]+\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}"
    ),
    "time": re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?"),
    "word": re.compile(r"true|false|null|none|na|n/a|nan|\\N", re.IGNORECASE),
    "address": re.compile(r"https?://\S+|[\w.+-]+@[\w-]+\.[\w.-]+|\d{1,3}(?:\.\d{1,3}){3}"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
}
_TYPED_SHARE = 0.8
_FIRST_YEAR, _LAST_YEAR = 1800, 2100
_MANY = 2
_CLEAR = 3


class First(Enum):
    """What the first record of a file is."""

    HEADER = "header"
    DATA = "data"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many columns say that the first record names them, and how many that it is a row."""

    names: int
    values: int


def judge_first(cells: Cells, rows: Sequence[Cells]) -> First:
    """What the first record is, by how it differs from the rows that follow it.

    Example:
        >>> judge_first(["id", "2013"], [["1", "5"], ["2", "6"]])
        <First.HEADER: 'header'>
        >>> judge_first(["1", "Ann"], [["2", "Bob"], ["3", "Eve"]])
        <First.DATA: 'data'>
        >>> judge_first(["1", "2", "mean"], [["2", "3", "4"], ["3", "4", "5"]])
        <First.DOUBTFUL: 'doubtful'>
        >>> judge_first(["", "1940", "1945"], [["Food", "22.2", "44.5"], ["Clothes", "3.5", "4.1"]])
        <First.HEADER: 'header'>
    """
    found = _judge_by_columns(cells, rows)
    if found is not First.HEADER and _is_above_row_names(cells, rows):
        return First.HEADER if _ascends(cells[1:]) or not any(map(is_typed, cells[1:])) else First.DOUBTFUL
    if found is First.DATA and _counts(cells) and not any(map(_counts, rows)):
        return First.DOUBTFUL  # as pandas names columns that have no names
    return found


def _judge_by_columns(cells: Cells, rows: Sequence[Cells]) -> First:
    if not any(cell.strip() for cell in cells):
        return First.DATA
    if not rows and any(re.search(r"\d\d|\d.*[-:/]|[-:/].*\d|@|//", cell) for cell in cells):
        filled = [cell.strip() for cell in cells if cell.strip()]
        typed = sum(map(is_typed, filled))
        return First.DATA if typed >= _MANY and typed * 2 >= len(filled) else First.DOUBTFUL
    found = weigh_first(cells, rows)
    if not found.values and not found.names and _has_gap(cells, rows):
        return First.DOUBTFUL
    if found.values <= found.names:
        return First.HEADER
    return First.DATA if found.values >= _CLEAR * found.names else First.DOUBTFUL


def _is_above_row_names(cells: Cells, rows: Sequence[Cells]) -> bool:
    """Whether only the first cell is blank, and the cells below it are names of rows, as R and pandas write them."""
    head, *others = map(str.strip, cells or [""])
    names = [row[0].strip() for row in rows if row]
    distinct = len(set(others)) == len(others) and len(set(names)) == len(names)
    return not head and all(others) and all(names) and distinct and len(others) > 1


def _counts(cells: Cells) -> bool:
    """Whether the cells are 0, 1, 2, 3, or 1, 2, 3, 4, and so on."""
    return len(cells) > _CLEAR and any(
        list(cells) == [str(number) for number in range(first, first + len(cells))] for first in (0, 1)
    )


def _ascends(cells: Cells) -> bool:
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return False
    return all(before < after for before, after in pairwise(numbers))


def _has_gap(cells: Cells, rows: Sequence[Cells]) -> bool:
    """Whether a column with values has no name; the first may be an index without one."""
    return any(
        not cell.strip() and (not rows or (at > 0 and any(len(row) > at and row[at].strip() for row in rows)))
        for at, cell in enumerate(cells)
    )


def weigh_first(cells: Cells, rows: Sequence[Cells]) -> Evidence:
    """What each column says of its first cell, by the cells below it."""
    others = [row for row in rows if list(row) != list(cells) and len(row) == len(cells)]
    years = _years(cells)
    votes = [_vote(cell, [row[at] for row in others]) for at, cell in enumerate(cells) if at not in years]
    marks = [
        cell.strip() for cell in cells if _kind(cell.strip()) == "word"
    ]  # such as NA, which no two columns are
    repeated = len(marks) - len(set(marks))
    return Evidence(votes.count(First.HEADER), votes.count(First.DATA) + repeated)


def is_typed(text: str) -> bool:
    """Whether a text is a number, a date, an address or the like.

    Example:
        >>> is_typed("1,5"), is_typed("2013-02-01"), is_typed("Ann")
        (True, True, False)
    """
    return _kind(text) is not None


def _vote(cell: str, values: Sequence[str]) -> First | None:
    """What one column says of its first cell; None where that says nothing."""
    cell = cell.strip()
    values = [value for value in map(str.strip, values) if value]
    if not cell:
        return None
    kind = _kind(cell)
    if not values:
        return None if kind is None else First.DATA
    kinds = Counter(map(_kind, values))
    for one in _KINDS:
        if kinds[one] >= _TYPED_SHARE * len(values):
            # A missing value in a column of numbers is not a name.
            return First.DATA if kind == one else None if kind == "word" else First.HEADER
    if kind is not None or values.count(cell) >= _MANY:
        return First.DATA
    return _vote_by_shape(cell, values)


def _vote_by_shape(cell: str, values: Sequence[str]) -> First | None:
    shapes = {_shape(value) for value in values}
    if len(shapes) > 1:
        return None
    shape = shapes.pop()
    if "9" in shape and _shape(cell) == shape:
        return First.DATA
    if len(values) < _MANY:
        return None
    if re.search(r"[^A]", shape):
        return First.DATA if _shape(cell) == shape else First.HEADER
    if len(values) > _MANY and len({len(value) for value in values}) == 1 and all(map(str.isupper, values)):
        # Codes such as those of countries; a name may look like one.
        return None if cell.isupper() and len(cell) == len(values[0]) else First.HEADER
    return None


def _kind(text: str) -> str | None:
    return next((name for name, pattern in _KINDS.items() if pattern.fullmatch(text)), None) if text else None


def _shape(text: str) -> str:
    """Letters, digits and signs of a text: ``AB-12`` is ``A-9``."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "A", text))


def _years(cells: Cells) -> set[int]:
    """Cells that are years in a row, beside others that are not: a header of a wide table."""
    found = {at: int(cell) for at, cell in enumerate(cells) if re.fullmatch(r"\d{4}", cell.strip())}
    numbers = list(found.values())
    wide = (
        len(found) >= _MANY
        and all(_FIRST_YEAR <= number <= _LAST_YEAR for number in numbers)
        and numbers == sorted(set(numbers))
        and any(_kind(cell.strip()) is None for cell in cells if cell.strip())
    )
    return set(found) if wide else set()


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


def require_few(count: int, table: Collection[str], file: str) -> None:
    """Raises SourceError if a new table cannot have so many columns: a wide header takes long to name.

    Args:
        table: Columns of the table that exists.
    """
    if not table and count > MOST_COLUMNS:
        raise SourceError(
            f"'{file}' has {count:,} columns; a table holds at most {MOST_COLUMNS:,}",
            hint="remove some from the file, or turn them into rows",
        )


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
