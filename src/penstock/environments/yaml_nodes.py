"""YAML as nodes that know their lines. Nothing is built from them but texts, so a file can load nothing."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from penstock.environments.errors import BadEnvironment, Place

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"


def compose(text: str, place: Place) -> yaml.Node | None:
    """The text's root; None where it is empty.

    Args:
        place: What messages name; its line is replaced.

    Raises:
        BadEnvironment: If it is not YAML, or more than one document. The message shows no value.
    """
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


def is_null(node: yaml.Node) -> bool:
    """Whether it is ``null``, or nothing at all."""
    return isinstance(node, yaml.ScalarNode) and node.tag == f"{_STANDARD}null"


class Nodes:
    """Reads the nodes of one file.

    Args:
        environment: Whose file it is.
        file: What messages call it.
    """

    def __init__(self, environment: str, file: str) -> None:
        self.environment = environment
        self.file = file

    def items(self, node: yaml.Node | None, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Names, the nodes of the names, and the nodes of the values; nothing where the mapping is left empty.

        Raises:
            BadEnvironment: If it is no mapping, or a name stands in it twice.
        """
        if node is None or is_null(node):
            return
        if not isinstance(node, yaml.MappingNode):
            raise self.problem(node, f"{what} must be a mapping", "write it as name: value lines")
        seen: set[str] = set()
        for key, value in node.value:
            name = self.text(key, what)
            if not name:
                raise self.problem(key, f"{what}: a name is missing")
            if name in seen:
                raise self.problem(key, f"{what}: {name!r} stands there twice", "keep one of them")
            seen.add(name)
            yield name, key, value

    def text(self, node: yaml.Node, what: str) -> str | None:
        """The text of one value as it was written; None for null.

        Raises:
            BadEnvironment: If it is a list or a mapping, or has a tag.
        """
        if is_null(node):
            return None
        if not isinstance(node, yaml.ScalarNode):
            raise self.problem(
                node, f"{what} must be one value", "put lists and mappings into quotes, as JSON"
            )
        if not node.tag.startswith(_STANDARD):
            raise self.problem(node, f"{what}: tags are not used here", "write the value alone")
        return str(node.value)

    def place(self, node: yaml.Node) -> Place:
        """Where the node begins."""
        return Place(self.environment, self.file, node.start_mark.line + 1)

    def problem(self, node: yaml.Node, message: str, hint: str | None = None) -> BadEnvironment:
        """What is wrong with this node."""
        return BadEnvironment(self.place(node), message, hint)
