"""Parses one environment file into a layer, with the line of every value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from penstock.environments.connection_types import ALIASES, CONNECTION_NAME, PLAIN_FIELDS, is_port
from penstock.environments.errors import BadEnvironment, Place, PlainSecret, suggestion
from penstock.environments.keys import is_encrypted
from penstock.environments.layer import EXTRA, LINK, Entry, Layer, Value
from penstock.environments.secret_detection import holds_secret
from penstock.environments.yaml_nodes import Nodes, compose, is_null

SECTIONS = ("inherits", "connections", "variables")
FIELDS = (*PLAIN_FIELDS, *ALIASES, "extra", LINK)
NEVER_ENCRYPTED = frozenset({"type", "port", LINK})


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """The contents of one file.

    Args:
        inherits: Names of the parents, each with its place.
        plain: Secrets in plain text.
    """

    name: str
    inherits: tuple[tuple[str, Place], ...]
    layer: Layer
    plain: tuple[PlainSecret, ...] = ()


def read_file(path: Path, shown: str, name: str) -> EnvironmentFile:
    """Read the file of the environment ``name``.

    Args:
        shown: Name of the file in messages.

    Raises:
        BadEnvironment: The file is not valid YAML, or its contents are invalid; the message shows no values.
    """
    return parse(read_text(path, Place(name, shown, 1)), shown, name)


def read_text(path: Path, place: Place) -> str:
    """Read the text of a file, with unchanged line endings.

    Raises:
        BadEnvironment: The file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BadEnvironment(place, f"cannot be read: {type(error).__name__}") from None


def parse(text: str, shown: str, name: str) -> EnvironmentFile:
    """Parse the text of a file; see `read_file`."""
    reader = _Reader(name, shown)
    inherits: tuple[tuple[str, Place], ...] = ()
    connections: dict[str, Entry] = {}
    variables: dict[str, Value] = {}
    for section, key, node in reader.items(compose(text, Place(name, shown, 1)), "the file"):
        if section == "inherits":
            inherits = tuple(reader.parents(node))
        elif section == "connections":
            items = reader.items(node, "connections")
            connections = {one: reader.connection(one, where, value) for one, where, value in items}
        elif section == "variables":
            variables = {
                one: reader.variable(one, value) for one, _, value in reader.items(node, "variables")
            }
        else:
            raise reader.problem(key, f"unknown section {section!r}", suggestion(section, SECTIONS))
    return EnvironmentFile(name, inherits, Layer(connections, variables), tuple(reader.plain))


class _Reader(Nodes):
    def __init__(self, environment: str, file: str) -> None:
        super().__init__(environment, file)
        self.plain: list[PlainSecret] = []

    def parents(self, node: yaml.Node) -> Iterator[tuple[str, Place]]:
        for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if (name := self.text(one, "inherits")) is not None:
                yield name, self.place(one)

    def connection(self, name: str, key: yaml.Node, node: yaml.Node) -> Entry:
        if not CONNECTION_NAME.fullmatch(name):
            raise self.problem(key, f"invalid connection name {name!r}", "use letters, digits, - and _")
        if is_null(node) and node.value:
            return Entry({}, self.place(key), fresh=True)
        fields: dict[str, Value] = {}
        for written, where, one in self.items(node, f"connection {name!r}"):
            if written == "extra":
                fields.update(self.further(name, one))
                continue
            if written not in FIELDS:
                hint = f"{suggestion(written, FIELDS)}; put other fields under extra"
                raise self.problem(where, f"connection {name!r}: unknown field {written!r}", hint)
            field = ALIASES.get(written, written)
            if field in fields:
                raise self.problem(
                    where, f"connection {name!r}: duplicate {field}", "schema and database are the same field"
                )
            fields[field] = self.field(("connections", name, written), one)
        if not fields:
            raise self.problem(key, f"connection {name!r} is empty", "write null to exclude it")
        return Entry(fields, self.place(key), fresh=LINK in fields)

    def further(self, connection: str, node: yaml.Node) -> Mapping[str, Value]:
        items = self.items(node, f"extra of connection {connection!r}")
        return {
            f"{EXTRA}{name}": self.field(("connections", connection, "extra", name), one)
            for name, _, one in items
        }

    def field(self, path: tuple[str, ...], node: yaml.Node) -> Value:
        _, connection, *inside = path
        name = ".".join(inside)
        text = self.text(node, f"{name} of connection {connection!r}")
        if text is not None and is_encrypted(text):
            if name in NEVER_ENCRYPTED:
                raise self.problem(node, f"{name} of connection {connection!r} cannot be encrypted")
        elif text is not None:
            if name == "port" and not is_port(text):
                hint = "use a number from 1 to 65535"
                raise self.problem(node, f"connection {connection!r}: invalid port {text!r}", hint)
            self.note_plain(f"{name} of connection {connection!r}", path, text, node)
        return Value(text, self.place(node))

    def variable(self, name: str, node: yaml.Node) -> Value:
        text = self.text(node, f"variable {name!r}")
        if text is not None and not is_encrypted(text):
            self.note_plain(f"variable {name!r}", ("variables", name), text, node)
        return Value(text, self.place(node))

    def note_plain(self, what: str, path: tuple[str, ...], text: str, node: yaml.Node) -> None:
        if holds_secret(path[-1], text):
            self.plain.append(PlainSecret(self.place(node), what, path))
