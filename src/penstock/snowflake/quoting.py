"""Names and texts as Snowflake's SQL writes them."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


def identifier(*parts: str) -> str:
    """A name, quoted. A plain one is in upper case, as Snowflake itself understands it; any other stays as it is.

    Example:
        >>> identifier("daily_operations", "labor"), identifier("Ship Mode")
        ('"DAILY_OPERATIONS"."LABOR"', '"Ship Mode"')
    """
    return ".".join(quoted(folded(part)) for part in parts)


def quoted(name: str) -> str:
    """A name that is already as Snowflake keeps it, quoted.

    Example:
        >>> print(quoted('6" shelf'))
        "6"" shelf"
    """
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def literal(text: str) -> str:
    """A text in quotes, for the places where a statement takes no parameter.

    Example:
        >>> print(literal("it's"))
        'it''s'
    """
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def folded(name: str) -> str:
    """The name that Snowflake keeps: a plain one in upper case.

    Example:
        >>> folded("labor"), folded("Ship Mode")
        ('LABOR', 'Ship Mode')
    """
    return name.upper() if _PLAIN.fullmatch(name) else name
