"""When two names mean one column: the one rule, for every route and every option that names a column.

A name means the column that is spelled exactly so; without one, the column whose name is the same but for case,
blanks, underscores and punctuation. Where that is true of several, it means none of them: that is an error.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from penstock.model.errors import ContractError

_OTHER = re.compile(r"[\W_]+")


def matching_key(name: str) -> str:
    """What two column names are compared by: ``SaleID``, ``sale_id`` and ``Sale ID`` are one.
    A name without any letter or digit stands for itself.

    Example:
        >>> matching_key("SaleID") == matching_key("sale_id")
        True
    """
    return _OTHER.sub("", name).casefold() or name


def find(name: str, names: Iterable[str]) -> str | None:
    """The column of these that a name means; None where there is none.

    Raises:
        ContractError: If it could be several.

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
    """The column of these that a name means.

    Args:
        role: What the column is for, such as ``key column``.
        where: What has these columns, such as ``the source``.

    Raises:
        ContractError: If there is none, or it could be several.

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
    """The columns that two tables share, by their names in both. Names that are equal go together first.

    Raises:
        ContractError: If one of the others could be several of the names, or the other way round.

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
    """A hint for a name that means no column: the one that is spelled most alike, or all of them."""
    candidates = list(names)
    near = difflib.get_close_matches(name, candidates, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(candidates)}"


def _ambiguous(name: str, found: Sequence[str]) -> ContractError:
    return ContractError(
        f"{name!r} may be any of the columns {', '.join(found)}",
        hint="spell it as the column is spelled: otherwise case, blanks and underscores make no difference",
    )
