"""Reads one environment file into a layer, remembering the line of every value. Loads nothing but texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from penstock.environments.keys import is_encrypted
from penstock.environments.kinds import ALIASES, PLAIN_FIELDS, is_port
from penstock.environments.layer import EXTRA, LINK, Entry, Layer, Value
from penstock.environments.names import holds_secret
from penstock.environments.problems import BadEnvironment, Place, PlainSecret, suggestion

SECTIONS = ("inherits", "connections", "variables")
FIELDS = (*PLAIN_FIELDS, *ALIASES, "extra", LINK)
NEVER_ENCRYPTED = frozenset({"type", "port", LINK})

_CONNECTION_NAME = re.compile(r"\w[\w.-]*")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_NULL = f"{_STANDARD}null"


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """What stands in one file.

    Args:
        inherits: The environments it names as parents, each with its place.
        plain: Secrets that stand there as plain text.
    """

    name: str
    inherits: tuple[tuple[str, Place], ...]
    layer: Layer
    plain: tuple[PlainSecret, ...] = ()


def read_file(path: Path, shown: str, name: str) -> EnvironmentFile:
    """Read the file of the environment ``name``.

    Args:
        shown: What messages call the file.

    Raises:
        BadEnvironment: If it is no YAML, or says something that cannot be; the message shows no value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadEnvironment(Place(name, shown, 1), f"cannot be read: {type(error).__name__}") from None
    return parse(text, shown, name)


def parse(text: str, shown: str, name: str) -> EnvironmentFile:
    """As `read_file`, from the file's text."""
    return _Reader(name, shown).read(_compose(text, Place(name, shown, 1)))


def _compose(text: str, place: Place) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        # Not chained, and the snippet is left out: it would show what stands on the line.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        where = Place(place.environment, place.file, line)
        raise BadEnvironment(where, f"not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadEnvironment(
            place, f"not valid YAML: {getattr(error, 'reason', 'nested too deep')}"
        ) from None
    return node


class _Reader:
    def __init__(self, environment: str, file: str) -> None:
        self.environment = environment
        self.file = file
        self.plain: list[PlainSecret] = []

    def read(self, root: yaml.Node | None) -> EnvironmentFile:
        inherits: tuple[tuple[str, Place], ...] = ()
        connections: dict[str, Entry] = {}
        variables: dict[str, Value] = {}
        for section, key, node in self.items(root, "the file"):
            if section == "inherits":
                inherits = tuple(self.parents(node))
            elif section == "connections":
                connections = {
                    name: self.connection(name, where, one)
                    for name, where, one in self.items(node, "connections")
                }
            elif section == "variables":
                variables = {name: self.variable(name, one) for name, _, one in self.items(node, "variables")}
            else:
                raise self.problem(key, f"unknown section {section!r}", suggestion(section, SECTIONS))
        return EnvironmentFile(self.environment, inherits, Layer(connections, variables), tuple(self.plain))

    def parents(self, node: yaml.Node) -> Iterator[tuple[str, Place]]:
        for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if (name := self.text(one, "inherits")) is not None:
                yield name, self.place(one)

    def connection(self, name: str, key: yaml.Node, node: yaml.Node) -> Entry:
        if not _CONNECTION_NAME.fullmatch(name):
            raise self.problem(
                key, f"{name!r} cannot name a connection", "use letters, digits and underscores"
            )
        if _is_null(node):
            if node.value == "":
                raise self.problem(key, f"connection {name!r} is empty", "write null to exclude it")
            return Entry({}, self.place(key), fresh=True)
        fields: dict[str, Value] = {}
        for field, where, one in self.items(node, f"connection {name!r}"):
            if field == "extra":
                fields.update(self.further(name, one))
                continue
            if field not in FIELDS:
                hint = f"{suggestion(field, FIELDS)}; further fields belong under extra"
                raise self.problem(where, f"connection {name!r} has no field {field!r}", hint)
            plain = ALIASES.get(field, field)
            if plain in fields:
                raise self.problem(where, f"connection {name!r} has {plain} twice", "schema is the database")
            fields[plain] = self.field(name, plain, one)
        if not fields:
            raise self.problem(key, f"connection {name!r} is empty", "write null to exclude it")
        return Entry(fields, self.place(key), fresh=LINK in fields)

    def further(self, name: str, node: yaml.Node) -> Mapping[str, Value]:
        items = self.items(node, f"extra of connection {name!r}")
        return {f"{EXTRA}{field}": self.field(name, f"{EXTRA}{field}", one) for field, _, one in items}

    def field(self, connection: str, name: str, node: yaml.Node) -> Value:
        text = self.text(node, f"{name} of connection {connection!r}")
        if text is not None:
            self.check_field(connection, name, text, node)
        return Value(text, self.place(node))

    def check_field(self, connection: str, name: str, text: str, node: yaml.Node) -> None:
        if is_encrypted(text):
            if name in NEVER_ENCRYPTED:
                raise self.problem(node, f"{name} of connection {connection!r} cannot be encrypted")
            return
        if name == "port" and not is_port(text):
            raise self.problem(
                node, f"connection {connection!r} has the port {text!r}", "a port is a number from 1 to 65535"
            )
        self.find_plain(f"{name} of connection {connection!r}", name.removeprefix(EXTRA), text, node)

    def variable(self, name: str, node: yaml.Node) -> Value:
        text = self.text(node, f"variable {name!r}")
        if text is not None and not is_encrypted(text):
            self.find_plain(f"variable {name!r}", name, text, node)
        return Value(text, self.place(node))

    def find_plain(self, what: str, name: str, text: str, node: yaml.Node) -> None:
        if holds_secret(name, text):
            self.plain.append(
                PlainSecret(
                    self.place(node),
                    f"{what} is a secret in plain text",
                    hint=f"penstock env encrypt {self.environment}",
                )
            )

    def items(self, node: yaml.Node | None, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Names, the nodes of the names, and the nodes of the values; nothing where the mapping is left empty."""
        if node is None or _is_null(node):
            return
        if not isinstance(node, yaml.MappingNode):
            raise self.problem(node, f"{what} must be a mapping", "write it as name: value lines")
        seen: set[str] = set()
        for key, value in node.value:
            name = self.text(key, what)
            if name is None or name in seen:
                raise self.problem(
                    key, f"{what}: {name!r} stands there twice" if name else f"{what}: a name is missing"
                )
            seen.add(name)
            yield name, key, value

    def text(self, node: yaml.Node, what: str) -> str | None:
        if _is_null(node):
            return None
        if not isinstance(node, yaml.ScalarNode):
            raise self.problem(
                node, f"{what} must be one value", "put lists and mappings into quotes, as JSON"
            )
        if not node.tag.startswith(_STANDARD):
            raise self.problem(node, f"{what}: tags are not used here", "write the value alone")
        return str(node.value)

    def place(self, node: yaml.Node) -> Place:
        return Place(self.environment, self.file, node.start_mark.line + 1)

    def problem(self, node: yaml.Node, message: str, hint: str | None = None) -> BadEnvironment:
        return BadEnvironment(self.place(node), message, hint)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL
