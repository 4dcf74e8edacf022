"""Reads plan files into frozen values; errors name the invalid field."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from penstock.model.errors import UsageError

# pydantic's settings for these values: unknown fields are errors.
STRICT = {"extra": "forbid"}


Value = TypeVar("Value")


def validated(kind: type[Value], fields: Mapping[str, Any]) -> Value:
    """Validate a mapping as a dataclass, including nested dataclasses.

    Raises:
        UsageError: If a field is unknown, missing or has a wrong type.

    Example:
        >>> from penstock.model.plan import Threshold
        >>> validated(Threshold, {"count": 5}).count
        5
    """
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(dict(fields))  # type: ignore[no-any-return, arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or kind.__name__
        known = ", ".join(one.name for one in dataclasses.fields(kind))  # type: ignore[arg-type]
        if first["type"] == "unexpected_keyword_argument":
            raise UsageError(f"unknown field {place!r}", hint=f"known fields: {known}") from None
        raise UsageError(f"{place}: {first['msg']}", hint="see docs/reference/api-plans.md") from None


@cache
def _adapter(kind: type[Any]) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def read_document(path: Path, render: Callable[[str], str] | None = None) -> dict[str, Any]:
    """The mapping that a YAML or TOML file holds.

    Args:
        render: Applied to the file's text before it is parsed.

    Raises:
        UsageError: If the file is missing or does not hold a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if render is not None:
            text = render(text)
        if path.suffix == ".toml":
            return tomllib.loads(text)
        import yaml

        found = yaml.safe_load(text)
    except OSError as error:
        raise UsageError(f"cannot read the plan '{path}': {error.strerror}", hint="check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"'{path}' is not valid TOML: {error}", hint="fix the file") from None
    except Exception as error:  # noqa: BLE001  # yaml's own classes, of which there are many
        raise UsageError(
            f"'{path}' is not valid YAML: {' '.join(str(error).split())}", hint="fix the file"
        ) from None
    if not isinstance(found, dict):
        raise UsageError(
            f"'{path}' does not hold a plan", hint="a plan is a mapping with source: connection:/path"
        )
    return found
