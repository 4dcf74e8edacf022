"""How the key is sent to an API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from penstock.model.api.strictness import STRICT
from penstock.model.errors import UsageError

Place = Literal["none", "query", "header", "bearer", "basic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How the key is sent.

    Args:
        place: ``query`` or ``header`` (under ``name``), ``bearer``, ``basic`` (with the connection's login), ``none``.
        name: Name of the parameter or the header.
        variable: The variable that holds the key; None means the connection's password.
    """

    __pydantic_config__ = STRICT

    place: Place = "none"
    name: str | None = None
    variable: str | None = None

    @classmethod
    def parse(cls, text: str) -> Auth:
        """Read ``query:NAME``, ``header:NAME``, ``bearer``, ``basic`` or ``none``.

        Raises:
            UsageError: If the text is none of these.
        """
        from penstock.model.plan_files import validated

        return validated(cls, written_out(text))

    def __post_init__(self) -> None:
        if (self.place in ("query", "header")) != (self.name is not None):
            raise UsageError(
                f"auth {self.place!r} {'needs a name' if self.name is None else 'takes no name'}",
                hint="write auth: {query: appid}, {header: X-Api-Key}, bearer, basic or none",
            )


def written_out(given: Any) -> Any:
    """The fields that a short form stands for: ``query:NAME``, ``{query: NAME}``, ``bearer`` and the like."""
    if isinstance(given, str):
        place, _, name = given.partition(":")
        return {"place": place, "name": name or None}
    if isinstance(given, Mapping) and "place" not in given:
        rest = {name: value for name, value in given.items() if name not in ("query", "header")}
        for place in ("query", "header"):
            if place in given:
                return {**rest, "place": place, "name": given[place]}
    return given
