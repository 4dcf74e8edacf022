"""Compares two environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from penstock.environments.environment import Environment

# The value to compare, and the text to show.
_Values = Mapping[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field or variable that differs.

    Args:
        name: Name of the connection or variable.
        field: Name of the field; ``variable`` for a variable.
        one: Masked value in the first environment; None if missing.
        other: Masked value in the second environment; None if missing.
    """

    name: str
    field: str
    one: str | None
    other: str | None


def differences(one: Environment, other: Environment) -> Iterator[Difference]:
    """Yield the differences by name. Secrets are decrypted for the comparison and masked in the result.

    Raises:
        BadEnvironment: A secret cannot be decrypted.
    """
    left, right = _values(one), _values(other)
    for name, field in sorted(left.keys() | right.keys()):
        first, second = left.get((name, field)), right.get((name, field))
        if first is None or second is None or first[0] != second[0]:
            yield Difference(name, field, first and first[1], second and second[1])


def _values(environment: Environment) -> _Values:
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for name in environment.connection_names():
        shown = environment.shown(name)
        for field, text in environment.reveal(name).items():
            found[name, field] = text, shown[field]
    for name in environment.variable_names():
        found[name, "variable"] = environment.variable(name) or "", environment.explain_variable(name).value
    return found
