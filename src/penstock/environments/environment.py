"""An environment: connections and variables by name, where they come from, and how two environments differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from penstock.environments.connection_types import PLAIN_FIELDS
from penstock.environments.errors import BadEnvironment, Place, suggestion
from penstock.environments.keys import is_encrypted
from penstock.environments.layer import EXTRA, LINK, SERVED, Layer, Value, connection_of, fields_of
from penstock.environments.secret_detection import MASK, masked
from penstock.model.connection import Connection
from penstock.model.errors import UsageError
from penstock.model.plurals import counted

if TYPE_CHECKING:
    from penstock.environments.keys import Keys

Serve = Callable[[str], Connection | None]


class Environment:
    """The merged contents of an environment's file and of the files it inherits from.

    Args:
        name: Name of the environment; empty if the project has none.
        layer: The merged contents.
        keys: Returns the keys; called for every decryption, so that a key rotation takes effect.
    """

    __slots__ = ("_keys", "_layer", "name")

    def __init__(self, name: str, layer: Layer, keys: Callable[[], Keys]) -> None:
        self.name = name
        self._layer = layer
        self._keys = keys

    def connection(self, name: str, serve: Serve | None = None) -> Connection | None:
        """Return the connection of this name with decrypted secrets, or None.

        Args:
            serve: Returns the connection to one of the project's own servers, if a link refers to it.

        Raises:
            BadEnvironment: A secret cannot be decrypted, the type is missing, or a link is broken.
        """
        fields = self._resolve(name)
        if fields is None:
            return None
        texts = {field: self._text(value) for field, value in fields.items() if field != LINK}
        secret = {
            field.removeprefix(EXTRA)
            for field, value in fields.items()
            if value.text and is_encrypted(value.text)
        }
        if (link := fields.get(LINK)) is not None:
            served = serve(link.text) if serve is not None and link.text is not None else None
            if served is None:
                raise self._no_link(name, link)
            texts = {**fields_of(served), **texts}
        if "type" not in texts:
            place = self._layer.connections[name].place
            raise BadEnvironment(
                place, f"connection {name!r} has no type", "add a line such as type: postgres"
            )
        return connection_of(name, texts, secret)

    def served_by(self, name: str) -> str | None:
        """Return the project's own server that this connection links to, such as ``warehouse``, or None.

        Raises:
            BadEnvironment: A link is broken.
        """
        link = (self._resolve(name) or {}).get(LINK)
        return None if link is None else link.text

    def variable(self, name: str) -> str | None:
        """Return the decrypted variable of this name, or None.

        Raises:
            BadEnvironment: The variable cannot be decrypted.
        """
        value = self._layer.variables.get(name)
        return None if value is None or value.text is None else self._text(value)

    def reveal(self, name: str) -> Mapping[str, str]:
        """Return the fields of a connection as text with decrypted secrets; empty if the connection is unknown.

        Raises:
            BadEnvironment: See `connection`.
        """
        return {field: self._text(value) for field, value in (self._resolve(name) or {}).items()}

    def connection_names(self) -> tuple[str, ...]:
        """Return the sorted names of all connections."""
        return tuple(sorted(name for name, entry in self._layer.connections.items() if not entry.excluded))

    def variable_names(self) -> tuple[str, ...]:
        """Return the sorted names of all variables."""
        return tuple(sorted(name for name, value in self._layer.variables.items() if value.text is not None))

    def excluded(self, name: str) -> Place | None:
        """Return where a connection is excluded, if it is; it must not be looked up elsewhere then."""
        entry = self._layer.connections.get(name)
        return entry.place if entry is not None and entry.excluded else None

    def shown(self, name: str) -> Mapping[str, str]:
        """Return the fields of a connection with masked secrets; needs no key.

        Raises:
            UsageError: The connection is unknown.
            BadEnvironment: A link is broken.
        """
        fields = self._resolve(name)
        if fields is None:
            raise self._unknown(name, self.connection_names())
        return {field: show(field, value) for field, value in ordered(fields).items()}

    def explain(self, name: str) -> tuple[Explained, ...]:
        """Return every field of the connection or variable of this name, and where it comes from.

        Raises:
            UsageError: The name is unknown.
            BadEnvironment: A link is broken.
        """
        found = [
            Explained("connection", name, field, show(field, value), *where(value))
            for field, value in ordered(self._resolve(name) or {}).items()
        ]
        if name in self.variable_names():
            found.append(self.explain_variable(name))
        if not found:
            raise self._unknown(name, {*self.connection_names(), *self.variable_names()})
        return tuple(found)

    def explain_variable(self, name: str) -> Explained:
        """Return where a variable comes from.

        Raises:
            UsageError: The variable is unknown.
        """
        if name not in self.variable_names():
            raise self._unknown(name, self.variable_names())
        value = self._layer.variables[name]
        return Explained("variable", name, "value", show(name, value), *where(value))

    def __repr__(self) -> str:
        return (
            f"Environment({self.name!r}, {counted(len(self.connection_names()), 'connection')}, "
            f"{counted(len(self.variable_names()), 'variable')})"
        )

    def _unknown(self, name: str, known: set[str] | tuple[str, ...]) -> UsageError:
        if place := self.excluded(name):
            return UsageError(f"{place} excludes {name!r}", hint="remove that line, or define the name there")
        where = f"environment {self.name!r}" if self.name else "the project's environments"
        return UsageError(f"{where}: unknown name {name!r}", hint=suggestion(name, known))

    def _resolve(self, name: str, path: tuple[str, ...] = ()) -> Mapping[str, Value] | None:
        """Return the connection's fields, including those of the connection it links to."""
        entry = self._layer.connections.get(name)
        if entry is None or entry.excluded:
            return None
        fields = {field: value for field, value in entry.fields.items() if field != LINK}
        link = entry.fields.get(LINK)
        if link is not None and link.text is not None:
            if link.text in (*path, name):
                circle = " -> ".join([*path, name, link.text])
                raise BadEnvironment(link.place, f"circular {LINK}: {circle}", "remove one of the links")
            linked = self._resolve(link.text, (*path, name))
            if linked is None:
                if link.text not in SERVED or link.text in self._layer.connections:
                    raise self._no_link(name, link)
                linked = {LINK: link}
            fields = {**linked, **fields}
        return {field: value for field, value in fields.items() if value.text is not None}

    def _no_link(self, name: str, link: Value) -> BadEnvironment:
        known = suggestion(link.text or "", self.connection_names())
        return BadEnvironment(
            link.place, f"{LINK} of connection {name!r} names an unknown connection {link.text!r}", known
        )

    def _text(self, value: Value) -> str:
        text = value.text or ""
        return self._keys().decrypt(text, value.place) if is_encrypted(text) else text


@dataclass(frozen=True, slots=True)
class Explained:
    """One field, and where it comes from.

    Args:
        name: Name of the connection or variable.
        field: Field of the connection (``extra.NAME`` for an extra field); ``value`` for a variable.
        value: Value for display, with masked secrets.
        file: Path relative to the project.
        line: Line number in the file.
        environment: The environment of the file.
    """

    kind: Literal["connection", "variable"]
    name: str
    field: str
    value: str
    file: str
    line: int
    environment: str


def show(field: str, value: Value) -> str:
    """Return the field's value for display, with masked secrets."""
    text = value.text or ""
    return MASK if is_encrypted(text) else masked(field.removeprefix(EXTRA), text)


def where(value: Value) -> tuple[str, int, str]:
    """Return file, line and environment of a value."""
    return value.place.file, value.place.line, value.place.environment


def ordered(fields: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the fields in display order."""
    plain = [field for field in PLAIN_FIELDS if field in fields]
    return {field: fields[field] for field in (*plain, *sorted(fields.keys() - {*plain}))}


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
