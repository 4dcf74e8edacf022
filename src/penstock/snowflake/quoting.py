"""Quotes identifiers and literals for Snowflake."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


def identifier(*parts: str) -> str:
    """A quoted identifier. Plain names are folded to upper case, as by Snowflake; others are kept.

    Example:
        >>> identifier("daily_operations", "labor"), identifier("Ship Mode")
        ('"DAILY_OPERATIONS"."LABOR"', '"Ship Mode"')
    """
    return ".".join(quoted(folded(part)) for part in parts)


def quoted(name: str) -> str:
    """A quoted identifier of a name as stored by Snowflake.

    Example:
        >>> print(quoted('6" shelf'))
        "6"" shelf"
    """
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def literal(text: str) -> str:
    """A string literal, for statements that do not accept parameters.

    Example:
        >>> print(literal("it's"))
        'it''s'
    """
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def folded(name: str) -> str:
    """The name as Snowflake stores it: plain names in upper case.

    Example:
        >>> folded("labor"), folded("Ship Mode")
        ('LABOR', 'Ship Mode')
    """
    return name.upper() if _PLAIN.fullmatch(name) else name
