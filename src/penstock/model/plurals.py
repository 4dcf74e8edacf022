"""Formats numbers with nouns."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """A number with its noun, in singular or plural.

    Args:
        what: The noun in its singular; its plural adds s, or es after a sibilant.

    Example:
        >>> counted(1, "row"), counted(1200, "row"), counted(2, "batch")
        ('1 row', '1,200 rows', '2 batches')
    """
    ending = "" if number == 1 else "es" if what.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{number:,} {what}{ending}"
