"""YAML that may hold secrets: read without showing any of them, written so that every text comes back."""

from __future__ import annotations

from typing import Any

import yaml

from penstock.model.errors import UsageError


def load_yaml(text: str) -> Any:
    """What the text holds.

    Raises:
        UsageError: If it is not YAML; the message shows nothing of it but the line.
    """
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        # Without the parser's own words: they would show a value, as in "undefined alias".
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        raise UsageError(f"this is not YAML{line}", hint="quote values that begin with a sign") from None
    except yaml.YAMLError:
        raise UsageError("this is not YAML") from None


def dump_yaml(value: Any) -> str:
    r"""The value as YAML, in its order.

    Example:
        >>> dump_yaml({"b": 1, "a": [2]})
        'b: 1\na:\n- 2\n'
    """
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    # The writer takes these for line ends and the reader makes spaces of them; escaped they survive.
    return yaml.safe_dump(value, sort_keys=False) if any(one in text for one in "\x85\u2028\u2029") else text
