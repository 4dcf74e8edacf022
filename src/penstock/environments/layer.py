"""The contents of one environment file, and the merge of inherited files: field by field, the later file wins.

Merging is associative, so the grouping of a chain of files does not matter. For this, "inherit nothing of this
connection" is stored as a flag on the entry instead of being applied at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from penstock.environments.errors import Place
from penstock.environments.secret_detection import Extra
from penstock.model.connection import Connection, Secret

LINK = "same_as"
EXTRA = "extra."
# The project's own servers and services: links may refer to them without a definition in a file.
SERVED = frozenset({"source", "target", "warehouse", "objects", "sandbox"})


@dataclass(frozen=True, slots=True)
class Value:
    """One value in a file; None removes an inherited value."""

    text: str | None = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of one connection in a file.

    Args:
        fields: Fields by name; those of the mapping ``extra`` are named ``extra.NAME``.
        place: Position of the connection's name.
        fresh: Whether nothing is inherited, because the connection was excluded or is a link.
    """

    fields: Mapping[str, Value]
    place: Place
    fresh: bool = False

    @property
    def excluded(self) -> bool:
        """Whether the connection is excluded and not defined again."""
        return self.fresh and not self.fields


@dataclass(frozen=True, slots=True)
class Layer:
    """The contents of one file, or of several merged files."""

    connections: Mapping[str, Entry] = field(default_factory=dict)
    variables: Mapping[str, Value] = field(default_factory=dict)


def merge(below: Layer, above: Layer) -> Layer:
    """Merge two layers; ``above`` wins."""
    connections = dict(below.connections)
    for name, entry in above.connections.items():
        connections[name] = _merge_entries(connections[name], entry) if name in connections else entry
    return Layer(connections, {**below.variables, **above.variables})


def _merge_entries(below: Entry, above: Entry) -> Entry:
    if above.fresh:
        return above
    return Entry({**below.fields, **above.fields}, above.place, below.fresh)


def fields_of(connection: Connection) -> dict[str, str]:
    """Return the connection's fields by their names in files, without empty ones. Secrets are in plain text.

    Example:
        >>> fields_of(Connection(name="dwh", type="postgres", port=5432, extra={"sslmode": "require"}))
        {'type': 'postgres', 'port': '5432', 'extra.sslmode': 'require'}
    """
    fields = {
        "type": connection.type,
        "host": connection.host,
        "port": None if connection.port is None else str(connection.port),
        "login": connection.login,
        "password": connection.password.reveal() if connection.password else None,
        "database": connection.database,
        **{f"{EXTRA}{name}": text for name, text in connection.extra.items()},
    }
    return {name: text for name, text in fields.items() if text is not None}


def connection_of(name: str, fields: Mapping[str, str], secret: Collection[str] = ()) -> Connection:
    """Build a connection from fields, which must include its type.

    Args:
        secret: Names of extra fields, without ``extra.``, that are secrets regardless of their name.

    Example:
        >>> connection_of("dwh", {"type": "postgres", "port": "5432"}).port
        5432
    """
    further = {field.removeprefix(EXTRA): text for field, text in fields.items() if field.startswith(EXTRA)}
    return Connection(
        name=name,
        type=fields["type"],
        host=fields.get("host"),
        port=int(fields["port"]) if "port" in fields else None,
        login=fields.get("login"),
        password=Secret(fields["password"]) if "password" in fields else None,
        database=fields.get("database"),
        extra=Extra(further, frozenset(secret)),
    )
