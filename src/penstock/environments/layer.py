"""What one environment file says, and how the files of an inheritance become one: field by field, the later wins.

Merging is associative, so that a chain of files means the same however it is grouped. What makes it so is that
"inherit nothing of this connection" is kept as a mark on the entry, instead of being acted upon and forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.environments.errors import Place

LINK = "same_as"
EXTRA = "extra."
# What a project serves itself, on demand: a link may lead there without a file that defines it.
SERVED = frozenset({"source", "target", "warehouse", "objects", "sandbox"})


@dataclass(frozen=True, slots=True)
class Value:
    """One value as it stands in a file; a text of None takes away what was inherited."""

    text: str | None = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file says about one connection.

    Args:
        fields: Its fields by name; those of the mapping ``extra`` are called ``extra.NAME``.
        place: Where the connection's name stands.
        fresh: Nothing is inherited: the connection was excluded, or begins anew as a link.
    """

    fields: Mapping[str, Value]
    place: Place
    fresh: bool = False

    @property
    def excluded(self) -> bool:
        """Whether the connection is taken away, and not given anew."""
        return self.fresh and not self.fields


@dataclass(frozen=True, slots=True)
class Layer:
    """What a file, or several merged ones, say."""

    connections: Mapping[str, Entry] = field(default_factory=dict)
    variables: Mapping[str, Value] = field(default_factory=dict)


def merge(below: Layer, above: Layer) -> Layer:
    """Both as one; where they differ, ``above`` holds."""
    connections = dict(below.connections)
    for name, entry in above.connections.items():
        connections[name] = _merge_entries(connections[name], entry) if name in connections else entry
    return Layer(connections, {**below.variables, **above.variables})


def _merge_entries(below: Entry, above: Entry) -> Entry:
    if above.fresh:
        return above
    return Entry({**below.fields, **above.fields}, above.place, below.fresh)
