"""Finds connections and variables in Jinja templates: `{{ var.value.region }}`, `{{ conn.warehouse.host }}`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_ASKED = re.compile(
    r"""(?<![\w.'"])(?:
        var\.(?:value|json)\.(?!get\b)(?P<variable>\w+)
      | var\.(?:value|json)\.get\(\s*(?P<q1>['"])(?P<got>[^'"]+)(?P=q1)\s*(?P<default>,)?
      | conn\.(?!get\b)(?P<connection>\w+)
      | conn\.get\(\s*(?P<q2>['"])(?P<got_connection>[^'"]+)(?P=q2)
    )""",
    re.VERBOSE,
)

Asked = tuple[Literal["connection", "variable"], str, int, bool]


def asked_in_templates(text: str) -> Iterator[Asked]:
    """Yield kind, name, line (starting at 0) and whether a default is given.

    Example:
        >>> list(asked_in_templates("select {{ var.value.region }}, {{ var.value.get('day', ds) }}"))
        [('variable', 'region', 0, False), ('variable', 'day', 0, True)]
    """
    if "{{" not in text and "{%" not in text:
        return
    for tag in _TAG.finditer(text):
        for match in _ASKED.finditer(tag[0]):
            line = text.count("\n", 0, tag.start() + match.start())
            connection = match["connection"] or match["got_connection"]
            if connection is not None:
                yield "connection", connection, line, False
            else:
                yield "variable", match["variable"] or match["got"], line, match["default"] is not None
