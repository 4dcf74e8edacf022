"""Column matching: the same rule for every route and every option that names a column.

A name means the column with exactly this name, or else the column whose name differs only in case, spaces,
underscores and punctuation. If several columns match, it is an error.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from penstock.model.errors import ContractError

# Postgres's limit for any column types.
MOST_COLUMNS = 1600

_OTHER = re.compile(r"[\W_]+")


def matching_key(name: str) -> str:
    """The form by which column names are compared: ``SaleID``, ``sale_id`` and ``Sale ID`` are one.
    A name without letters and digits is returned as it is.

    Example:
        >>> matching_key("SaleID") == matching_key("sale_id")
        True
    """
    return _OTHER.sub("", name).casefold() or name


def find(name: str, names: Iterable[str]) -> str | None:
    """The column that a name means, or None.

    Raises:
        ContractError: If it is ambiguous.

    Example:
        >>> find("SaleID", ["sale_id", "price"]), find("id", ["ID", "id"]), find("x", ["y"])
        ('sale_id', 'id', None)
    """
    found = [each for each in names if matching_key(each) == matching_key(name)]
    if name in found or not found:
        return name if found else None
    if len(found) > 1:
        raise _ambiguous(name, found)
    return found[0]


def require(name: str, names: Iterable[str], role: str, where: str) -> str:
    """The column that a name means.

    Args:
        role: What the column is used for, such as ``key column``.
        where: What the columns belong to, such as ``the source``.

    Raises:
        ContractError: If the column does not exist, or is ambiguous.

    Example:
        >>> require("Price", ["id", "price"], "column", "the source")
        'price'
    """
    listed = list(names)
    found = find(name, listed)
    if found is None:
        raise ContractError(f"{role} {name!r} is not in {where}", hint=nearest(name, listed))
    return found


def pair(names: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """The columns that two tables share, by their names in both. Equal names are paired first.

    Raises:
        ContractError: If a name is ambiguous in either direction.

    Example:
        >>> pair(["SaleID", "price", "x"], ["price", "sale_id"])
        {'price': 'price', 'SaleID': 'sale_id'}
    """
    pairs = {name: name for name in names if name in set(others)}
    alike: defaultdict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for place, side in enumerate((names, others)):
        for name in side:
            if name not in pairs:
                alike[matching_key(name)][place].append(name)
    for mine, theirs in alike.values():
        if len(mine) > 1 and theirs:
            raise _ambiguous(theirs[0], mine)
        if len(theirs) > 1 and mine:
            raise _ambiguous(mine[0], theirs)
        if mine and theirs:
            pairs[mine[0]] = theirs[0]
    return pairs


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint for an unknown column: the most similar name, or all names."""
    candidates = list(names)
    near = difflib.get_close_matches(name, candidates, n=1)
    return f"did you mean {near[0]}?" if near else f"available: {', '.join(candidates)}"


def _ambiguous(name: str, found: Sequence[str]) -> ContractError:
    return ContractError(
        f"{name!r} matches several columns: {', '.join(found)}",
        hint="use the exact name; otherwise case, spaces and underscores are ignored",
    )
