"""An environment: connections and variables by name, with their secrets decrypted only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from penstock.environments.errors import BadEnvironment, Place, suggestion
from penstock.environments.fields import connection_of, fields_of
from penstock.environments.keys import is_encrypted
from penstock.environments.layer import EXTRA, LINK, SERVED, Layer, Value
from penstock.environments.provenance import Explained, ordered, show, where
from penstock.model.connection import Connection
from penstock.model.errors import UsageError

if TYPE_CHECKING:
    from penstock.environments.keys import Keys

Serve = Callable[[str], Connection | None]


class Environment:
    """What the files of one environment and of those it inherits from say together.

    Args:
        name: The environment's name; empty where the project has none.
        layer: What the files say.
        keys: Finds the keys; called whenever a secret is decrypted, so that a rotation is noticed.
    """

    __slots__ = ("_keys", "_layer", "name")

    def __init__(self, name: str, layer: Layer, keys: Callable[[], Keys]) -> None:
        self.name = name
        self._layer = layer
        self._keys = keys

    def connection(self, name: str, serve: Serve | None = None) -> Connection | None:
        """The connection of this name with its secrets decrypted, or None.

        Args:
            serve: Answers for what the project serves itself, where a link leads there.

        Raises:
            BadEnvironment: If a secret cannot be decrypted, it has no type, or it links to none.
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
        """The server of the project's own that this connection links to in the end, such as ``warehouse``, or None.

        Raises:
            BadEnvironment: If it links to none.
        """
        link = (self._resolve(name) or {}).get(LINK)
        return None if link is None else link.text

    def variable(self, name: str) -> str | None:
        """The variable of this name, decrypted, or None.

        Raises:
            BadEnvironment: If it cannot be decrypted.
        """
        value = self._layer.variables.get(name)
        return None if value is None or value.text is None else self._text(value)

    def reveal(self, name: str) -> Mapping[str, str]:
        """The fields of a connection as texts, secrets decrypted; none where there is no such connection.

        Raises:
            BadEnvironment: As `connection`.
        """
        return {field: self._text(value) for field, value in (self._resolve(name) or {}).items()}

    def connection_names(self) -> tuple[str, ...]:
        """The names of all connections, sorted."""
        return tuple(sorted(name for name, entry in self._layer.connections.items() if not entry.excluded))

    def variable_names(self) -> tuple[str, ...]:
        """The names of all variables, sorted."""
        return tuple(sorted(name for name, value in self._layer.variables.items() if value.text is not None))

    def excluded(self, name: str) -> Place | None:
        """Where a connection is taken away by name, if it is: nobody should look for it elsewhere."""
        entry = self._layer.connections.get(name)
        return entry.place if entry is not None and entry.excluded else None

    def shown(self, name: str) -> Mapping[str, str]:
        """The fields of a connection with secrets masked; needs no key.

        Raises:
            UsageError: If there is no such connection.
            BadEnvironment: If it links to none.
        """
        fields = self._resolve(name)
        if fields is None:
            raise self._unknown(name, self.connection_names())
        return {field: show(field, value) for field, value in ordered(fields).items()}

    def explain(self, name: str) -> tuple[Explained, ...]:
        """Every field of the connection or variable of this name, and where it comes from.

        Raises:
            UsageError: If there is neither.
            BadEnvironment: If the connection links to none.
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
        """The same of a variable alone.

        Raises:
            UsageError: If there is none.
        """
        if name not in self.variable_names():
            raise self._unknown(name, self.variable_names())
        value = self._layer.variables[name]
        return Explained("variable", name, "value", show(name, value), *where(value))

    def __repr__(self) -> str:
        return (
            f"Environment({self.name!r}, {len(self.connection_names())} connections, "
            f"{len(self.variable_names())} variables)"
        )

    def _unknown(self, name: str, known: set[str] | tuple[str, ...]) -> UsageError:
        if place := self.excluded(name):
            return UsageError(
                f"{place} excludes {name!r}", hint="take that line out, or define it anew there"
            )
        where = f"environment {self.name!r}" if self.name else "the project's environments"
        return UsageError(f"{where}: no {name!r}", hint=suggestion(name, known))

    def _resolve(self, name: str, path: tuple[str, ...] = ()) -> Mapping[str, Value] | None:
        """The connection's fields, those of the connection it links to included."""
        entry = self._layer.connections.get(name)
        if entry is None or entry.excluded:
            return None
        fields = {field: value for field, value in entry.fields.items() if field != LINK}
        link = entry.fields.get(LINK)
        if link is not None and link.text is not None:
            if link.text in (*path, name):
                circle = " -> ".join([*path, name, link.text])
                raise BadEnvironment(link.place, f"{LINK} is a circle: {circle}", "take one of the links out")
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
            link.place, f"connection {name!r} is the {LINK} of an unknown connection {link.text!r}", known
        )

    def _text(self, value: Value) -> str:
        text = value.text or ""
        return self._keys().decrypt(text, value.place) if is_encrypted(text) else text
