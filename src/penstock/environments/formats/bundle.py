"""The common representation of all formats: connections, variables, and remarks about everything else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.model.connection import Connection


@dataclass(frozen=True, slots=True)
class Pool:
    """An Airflow pool, which limits the number of concurrent tasks.

    Args:
        slots: Number of slots; -1 for no limit.
        include_deferred: Whether deferred tasks take slots.
    """

    name: str
    slots: int
    description: str = ""
    include_deferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Connections and variables in transit between formats.

    Args:
        pools: Airflow pools, which only Airflow's own database can hold.
        remarks: Contents that have no equivalent elsewhere, such as pools; one line each, without secrets.
    """

    connections: tuple[Connection, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    pools: tuple[Pool, ...] = ()
    remarks: tuple[str, ...] = ()


# Longer numbers are identifiers such as account numbers, which Airflow's hooks expect as text.
_NUMBER = re.compile(r"0|-?[1-9]\d{0,8}")


def to_texts(extra: Mapping[str, Any]) -> dict[str, str]:
    """Convert JSON values to text; strings stay unchanged.

    Example:
        >>> to_texts({"verify": False, "timeout": 30, "region": "eu-west-1"})
        {'verify': 'false', 'timeout': '30', 'region': 'eu-west-1'}
    """
    return {name: value if isinstance(value, str) else _dump(value) for name, value in extra.items()}


def to_values(extra: Mapping[str, str]) -> dict[str, Any]:
    """Convert text to JSON values: booleans, integers, lists and objects. All other text stays text.

    Airflow's hooks treat ``"false"`` as true, because it is a non-empty string.

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
