"""Edits an environment file: values change in memory, then the file is written atomically."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from penstock.environments.errors import BadEnvironment, Place
from penstock.environments.inheritance import DIRECTORY, path_of
from penstock.environments.parse_file import EnvironmentFile, parse, read_text
from penstock.environments.yaml_edit import put, remove, scalar
from penstock.environments.yaml_nodes import compose, is_null
from penstock.model.errors import PenstockError

# Every value of a file by its path of keys.
Contents = Mapping[tuple[str, ...], str | None]


class Draft:
    """The edited file of one environment; starts empty if the file is missing.

    Args:
        root: The project's directory.
        environment: Name of the environment.

    Raises:
        BadEnvironment: The existing file is invalid.
    """

    def __init__(self, root: Path, environment: str) -> None:
        self.path = path_of(root, environment)
        self.environment = environment
        self.shown = f"{DIRECTORY}/{self.path.name}"
        self._before = self._read()
        self._text = self._before.replace("\r\n", "\n")
        self._line_end = "\r\n" if "\r\n" in self._before else "\n"
        self.file: EnvironmentFile = parse(self._text, self.shown, environment)

    def has(self, path: Sequence[str]) -> bool:
        """Whether there is a value at this path."""
        return any(one[: len(path)] == tuple(path) for one in self.contents())

    def contents(self) -> Contents:
        """Return every value of the file by its path of keys."""
        node = compose(self._text, Place(self.environment, self.shown, 1))
        return {} if node is None else dict(_flat(node, ()))

    def line(self, path: Sequence[str]) -> int:
        """Return the line where the value at this path begins."""
        node = compose(self._text, Place(self.environment, self.shown, 1))
        for name in path:
            pairs = node.value if isinstance(node, yaml.MappingNode) else ()
            node = next((value for key, value in pairs if key.value == name), node)
        return 1 if node is None else node.start_mark.line + 1

    def put(self, path: Sequence[str], value: str | None) -> None:
        """Set one value; None is null.

        Raises:
            BadEnvironment: The result would be invalid, or the value cannot be changed without changing others.
        """
        whole = tuple(path)
        kept = {one: text for one, text in self.contents().items() if one != whole[: len(one)]}
        expected = {one: text for one, text in kept.items() if one[: len(whole)] != whole}
        self._become(put(self._text, path, value), {**expected, whole: value}, whole)

    def begin(self, text: str) -> None:
        """Set the whole text of a file that is empty or has only comments; much faster than value by value.

        Raises:
            BadEnvironment: The text is invalid.
        """
        remarks = f"{self._text.rstrip()}\n" if self._text.strip() else ""
        self.file = parse(remarks + text, self.shown, self.environment)
        self._text = remarks + text

    def remove(self, path: Sequence[str]) -> None:
        """Remove the value at this path, if it exists.

        Raises:
            BadEnvironment: See `put`.
        """
        whole = tuple(path)
        expected = {one: text for one, text in self.contents().items() if one[: len(whole)] != whole}
        self._become(remove(self._text, path), expected, whole)

    def save(self) -> bool:
        """Write the file atomically, if it changed.

        Raises:
            PenstockError: Another process changed the file meanwhile, or it cannot be written.
        """
        text = self._text.replace("\n", self._line_end)
        if text == self._before:
            return False
        if self._read() != self._before:
            raise PenstockError(f"another process changed {self.shown} meanwhile", hint="run it again")
        try:
            self.path.parent.mkdir(exist_ok=True)
            _replace(self.path.resolve(), text)
        except OSError as error:
            raise PenstockError(f"cannot write {self.shown}: {error.strerror}") from error
        self._before = text
        return True

    def _read(self) -> str:
        return read_text(self.path, Place(self.environment, self.shown, 1)) if self.path.exists() else ""

    def _become(self, text: str, expected: Contents, path: tuple[str, ...]) -> None:
        before, self._text = self._text, text
        try:
            self._prove(expected, path)
            self.file = parse(text, self.shown, self.environment)
        except BadEnvironment:
            self._text = before
            raise

    def _prove(self, expected: Contents, path: tuple[str, ...]) -> None:
        """Check that only this value changed; an anchor, for example, can stand for several values."""
        if self.contents() != expected:
            where = Place(self.environment, self.shown, 1)
            raise BadEnvironment(where, f"cannot change only {'.'.join(path)}", "edit the file by hand")


def _flat(node: yaml.Node, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], str | None]]:
    if isinstance(node, yaml.MappingNode):
        return [one for key, value in node.value for one in _flat(value, (*path, str(key.value)))]
    if isinstance(node, yaml.SequenceNode):
        return [one for index, value in enumerate(node.value) for one in _flat(value, (*path, str(index)))]
    return [(path, None if is_null(node) else str(node.value))]


def _replace(path: Path, text: str) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


_INDENT = 2


def write(contents: Mapping[str, Any], indent: int = 0) -> str:
    r"""Return nested mappings as the text of a new file.

    Example:
        >>> write({"variables": {"region": "eu", "odd": "a: b"}})
        'variables:\n  region: eu\n  odd: "a: b"\n'
    """
    lines = []
    for name, value in contents.items():
        start = f"{' ' * indent}{scalar(name)}:"
        below = isinstance(value, Mapping)
        lines.append(f"{start}\n{write(value, indent + _INDENT)}" if below else f"{start} {scalar(value)}\n")
    return "".join(lines)
