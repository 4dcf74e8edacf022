"""Further fields of a connection: texts here, JSON values in Airflow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Longer numbers are account and order numbers, which Airflow's hooks want as texts.
_NUMBER = re.compile(r"0|-?[1-9]\d{0,8}")


def to_texts(extra: Mapping[str, Any]) -> dict[str, str]:
    """JSON values as texts; a text stays as it is.

    Example:
        >>> to_texts({"verify": False, "timeout": 30, "region": "eu-west-1"})
        {'verify': 'false', 'timeout': '30', 'region': 'eu-west-1'}
    """
    return {name: value if isinstance(value, str) else _dump(value) for name, value in extra.items()}


def to_values(extra: Mapping[str, str]) -> dict[str, Any]:
    """The JSON values that texts stand for: switches, whole numbers, lists and objects. Every other text is a text.

    Airflow's hooks take ``"false"`` for true, because it is not empty.

    Example:
        >>> to_values({"verify": "false", "timeout": "30", "version": "2.0"})
        {'verify': False, 'timeout': 30, 'version': '2.0'}
    """
    return {name: _value(text) for name, text in extra.items()}


def _value(text: str) -> Any:
    if _NUMBER.fullmatch(text):
        return int(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text == "null" or text[:1] in ("{", "["):
        try:
            value = json.loads(text)
        except ValueError:
            return text
        return value if _dump(value) == text else text
    return text


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
