"""YAML nodes with line numbers. Only text is constructed from them, so a file cannot load Python objects."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from penstock.environments.errors import BadEnvironment, Place

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"


def compose(text: str, place: Place) -> yaml.Node | None:
    """Parse the text and return its root node; None if it is empty.

    Args:
        place: Place for messages; the line is replaced.

    Raises:
        BadEnvironment: The text is not valid YAML, or has several documents. The message shows no values.
    """
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        # Not chained and without the snippet, which would show the contents of the line.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        where = Place(place.environment, place.file, line)
        raise BadEnvironment(where, f"invalid YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadEnvironment(
            place, f"invalid YAML: {getattr(error, 'reason', 'nested too deeply')}"
        ) from None
    return node


def is_null(node: yaml.Node) -> bool:
    """Whether the node is ``null`` or empty."""
    return isinstance(node, yaml.ScalarNode) and node.tag == f"{_STANDARD}null"


class Nodes:
    """Reads the nodes of one file.

    Args:
        environment: The environment of the file.
        file: Name of the file in messages.
    """

    def __init__(self, environment: str, file: str) -> None:
        self.environment = environment
        self.file = file

    def items(self, node: yaml.Node | None, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield the name, the key node and the value node of each item; nothing for an empty mapping.

        Raises:
            BadEnvironment: The node is not a mapping, or has a duplicate name.
        """
        if node is None or is_null(node):
            return
        if not isinstance(node, yaml.MappingNode):
            raise self.problem(node, f"{what} must be a mapping", "use lines of name: value")
        seen: set[str] = set()
        for key, value in node.value:
            name = self.text(key, what)
            if not name:
                raise self.problem(key, f"{what}: missing name")
            if name in seen:
                raise self.problem(key, f"{what}: duplicate {name!r}", "remove one of them")
            seen.add(name)
            yield name, key, value

    def text(self, node: yaml.Node, what: str) -> str | None:
        """Return the text of a scalar as written; None for null.

        Raises:
            BadEnvironment: The node is a list or a mapping, or has a tag.
        """
        if is_null(node):
            return None
        if not isinstance(node, yaml.ScalarNode):
            raise self.problem(
                node, f"{what} must be a single value", "write lists and mappings as quoted JSON"
            )
        if not node.tag.startswith(_STANDARD):
            raise self.problem(node, f"{what}: tags are not allowed", "write the value without the tag")
        return str(node.value)

    def place(self, node: yaml.Node) -> Place:
        """Return the place where the node begins."""
        return Place(self.environment, self.file, node.start_mark.line + 1)

    def problem(self, node: yaml.Node, message: str, hint: str | None = None) -> BadEnvironment:
        """Return an error for this node."""
        return BadEnvironment(self.place(node), message, hint)
