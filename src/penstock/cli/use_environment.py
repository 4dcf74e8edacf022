"""Sets the environment of one command and of every process that it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "PENSTOCK_ENV"


@contextmanager
def using(name: str | None) -> Iterator[None]:
    """Use the environment of this name within this block; None changes nothing.

    Example:
        >>> with using("prod"):
        ...     os.environ["PENSTOCK_ENV"]
        'prod'
    """
    before = os.environ.get(VARIABLE)
    if name is not None:
        os.environ[VARIABLE] = name
    try:
        yield
    finally:
        if name is not None and before is None:
            del os.environ[VARIABLE]
        elif before is not None:
            os.environ[VARIABLE] = before
