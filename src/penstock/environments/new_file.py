"""The text of a new environment file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.environments.yaml_edit import scalar

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
