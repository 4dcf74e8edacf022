"""Reads named queries from ``.sql`` files."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

from psycopg.sql import SQL

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(package: str, file: str) -> dict[str, SQL]:
    """The queries of one file, by the name in the ``-- name:`` line above each.

    Args:
        package: Package that holds the file, such as ``penstock.postgres``.
        file: Its name, such as ``ledger.sql``.

    Example:
        >>> "record" in queries("penstock.postgres", "ledger.sql")
        True
    """
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    # The text is part of the package, not user input, as LiteralString requires.
    return {
        name: SQL(cast("LiteralString", body.strip()))
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
