"""What differs between two environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from penstock.environments.environment import Environment

# What compares, and what may be shown of it.
_Values = Mapping[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field or variable that is not the same.

    Args:
        name: The connection's or variable's name.
        field: The field; ``variable`` for a variable.
        one: What it is in the first environment, masked; None where it is not there.
        other: The same for the second.
    """

    name: str
    field: str
    one: str | None
    other: str | None


def differences(one: Environment, other: Environment) -> Iterator[Difference]:
    """What differs between them, by name; secrets are decrypted to compare them, and masked.

    Raises:
        BadEnvironment: If a secret cannot be decrypted.
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
