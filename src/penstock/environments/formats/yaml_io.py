"""YAML that may hold secrets: errors show no values, and written text reads back unchanged."""

from __future__ import annotations

from typing import Any

import yaml

from penstock.model.errors import UsageError


def load_yaml(text: str) -> Any:
    """Parse the text.

    Raises:
        UsageError: The text is not valid YAML; the message shows only the line number.
    """
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        # Without the parser's message, which may show a value, such as in "undefined alias".
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        raise UsageError(
            f"invalid YAML{line}", hint="quote values that begin with a special character"
        ) from None
    except yaml.YAMLError:
        raise UsageError("invalid YAML") from None


def dump_yaml(value: Any) -> str:
    r"""Return the value as YAML, in its order.

    Example:
        >>> dump_yaml({"b": 1, "a": [2]})
        'b: 1\na:\n- 2\n'
    """
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    # The YAML writer treats these characters as line breaks and the reader turns them into spaces, so escape them.
    return yaml.safe_dump(value, sort_keys=False) if any(one in text for one in "\x85\u2028\u2029") else text
