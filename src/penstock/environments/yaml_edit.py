"""Changes single values in the text of a YAML file and keeps all other characters, including comments and order.

A library that rewrites the whole file would also change quotes, indentation and long lines elsewhere. Here, the marks
of the parsed nodes locate the characters of a value, and only those are replaced.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

_INDENT = 2


def put(text: str, path: Sequence[str], value: str | None) -> str:
    r"""Return the text with the value at this path set. Missing parents are created. None writes ``null``.

    Example:
        >>> put("variables:\n  a: x  # mine\n", ("variables", "b"), "y")
        'variables:\n  a: x  # mine\n  b: y\n'
    """
    root = _compose(text)
    if root is None or _is_null(root):
        start = text if not text or text.endswith("\n") else f"{text}\n"
        return f"{start}{_lines(path, value, 0)}"
    node, depth = _descend(root, path)
    rest = path[depth:]
    if not rest:
        return _replace(text, node, scalar(value))
    if isinstance(node, yaml.MappingNode) and node.flow_style:
        return _insert_flow(text, node, rest, value)
    if isinstance(node, yaml.MappingNode):
        return _insert_block(text, node, rest, value)
    return _fill(text, root, path[:depth], rest, value)


def remove(text: str, path: Sequence[str]) -> str:
    r"""Return the text without the value at this path, if it exists. Mappings that become empty are removed too.

    Example:
        >>> remove("variables:\n  a: x\n  b: y\n", ("variables", "a"))
        'variables:\n  b: y\n'
    """
    root = _compose(text)
    while path:
        parent, depth = _descend(root, path[:-1]) if root is not None else (None, 0)
        if depth < len(path) - 1 or not isinstance(parent, yaml.MappingNode):
            return text
        names = [key.value for key, _ in parent.value]
        if path[-1] not in names:
            return text
        if len(names) > 1:
            return _cut(text, parent, names.index(path[-1]))
        if len(path) == 1:
            key, value = parent.value[0]
            return _drop_lines(text, key, value)
        path = path[:-1]
    return text


def scalar(value: str | None) -> str:
    r"""Return the text as a YAML scalar on one line, quoted only if necessary.

    Example:
        >>> scalar("eu"), scalar("null"), scalar("a: b"), scalar("5432"), scalar(None)
        ('eu', '"null"', '"a: b"', '5432', 'null')
    """
    if value is None:
        return "null"
    if _reads_back(value, value):
        return value
    return yaml.dump(value, default_style='"', width=float("inf"), allow_unicode=True).rstrip("\n")


def _reads_back(plain: str, value: str) -> bool:
    if plain != plain.strip() or "\n" in plain:
        return False
    try:
        node = yaml.compose(f"{{k: {plain}, l: m}}", Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return False
    if not isinstance(node, yaml.MappingNode) or len(node.value) != 2:  # k and l
        return False
    found = node.value[0][1]
    return (
        isinstance(found, yaml.ScalarNode)
        and found.style is None
        and found.value == value
        and not _is_null(found)
    )


def _compose(text: str) -> yaml.Node | None:
    # The pure Python loader, because its marks count characters instead of bytes.
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


def _descend(node: yaml.Node, path: Sequence[str]) -> tuple[yaml.Node, int]:
    """Return the deepest existing node on the path, and the number of keys that lead to it."""
    for depth, name in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            return node, depth
        below = next((value for key, value in node.value if key.value == name), None)
        if below is None:
            return node, depth
        node = below
    return node, len(path)


def _replace(text: str, node: yaml.Node, written: str) -> str:
    start, end = node.start_mark.index, _end(node)
    space = " " if start == end and not text[:start].endswith(" ") else ""
    newline = "\n" if text[start:end].endswith("\n") else ""  # a block scalar ends with its line
    return f"{text[:start]}{space}{written}{newline}{text[end:]}"


def _insert_flow(text: str, node: yaml.MappingNode, rest: Sequence[str], value: str | None) -> str:
    written = scalar(value)
    for name in reversed(rest[1:]):
        written = f"{{{scalar(name)}: {written}}}"
    if not node.value:
        at = node.start_mark.index + 1
        return f"{text[:at]}{scalar(rest[0])}: {written}{text[at:]}"
    at = _end(node.value[-1][1])
    return f"{text[:at]}, {scalar(rest[0])}: {written}{text[at:]}"


def _insert_block(text: str, node: yaml.MappingNode, rest: Sequence[str], value: str | None) -> str:
    indent = node.value[0][0].start_mark.column
    return _insert_line(text, _end(node), _lines(rest, value, indent))


def _fill(text: str, root: yaml.Node, above: Sequence[str], rest: Sequence[str], value: str | None) -> str:
    """Put a mapping in place of nothing or of a scalar."""
    parent, _ = _descend(root, above[:-1])
    assert isinstance(parent, yaml.MappingNode)
    key, old = next((key, old) for key, old in parent.value if key.value == above[-1])
    if parent.flow_style:
        written = scalar(value)
        for name in reversed(rest):
            written = f"{{{scalar(name)}: {written}}}"
        return _replace(text, old, written)
    start, end = old.start_mark.index, _end(old)
    cleared = text[:start].rstrip(" ") + text[end:] if start < end else text
    at = len(text[:start].rstrip(" ")) if start < end else key.end_mark.index
    return _insert_line(cleared, at, _lines(rest, value, key.start_mark.column + _INDENT))


def _insert_line(text: str, at: int, lines: str) -> str:
    if at > 0 and text[at - 1] == "\n":
        return f"{text[:at]}{lines}{text[at:]}"
    line_end = text.find("\n", at)
    if line_end < 0:
        return f"{text}\n{lines}"
    return f"{text[: line_end + 1]}{lines}{text[line_end + 1 :]}"


def _lines(path: Sequence[str], value: str | None, indent: int) -> str:
    parts = [f"{' ' * (indent + _INDENT * step)}{scalar(name)}:" for step, name in enumerate(path)]
    return "\n".join(parts) + f" {scalar(value)}\n"


def _cut(text: str, parent: yaml.MappingNode, index: int) -> str:
    key, value = parent.value[index]
    if not parent.flow_style:
        return _drop_lines(text, key, value)
    if index + 1 < len(parent.value):
        return text[: key.start_mark.index] + text[parent.value[index + 1][0].start_mark.index :]
    return text[: _end(parent.value[index - 1][1])] + text[_end(value) :]


def _drop_lines(text: str, key: yaml.Node, value: yaml.Node) -> str:
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    end = _end(value)
    if end == 0 or text[end - 1] != "\n":
        line_end = text.find("\n", end)
        end = len(text) if line_end < 0 else line_end + 1
    return text[:start] + text[end:]


def _end(node: yaml.Node) -> int:
    """Return where a node's own text ends; the parser ends a block where the next node begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(node, yaml.MappingNode):
            key, value = last
            return max(int(key.end_mark.index) + 1, _end(value))
        return _end(last)
    return int(node.end_mark.index)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
