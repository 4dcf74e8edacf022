"""Documents that people write, as frozen values; what is wrong in them is told by its place."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from penstock.model.errors import UsageError

Value = TypeVar("Value")


def validated(kind: type[Value], fields: Mapping[str, Any]) -> Value:
    """The dataclass of these fields, values of nested dataclasses included.

    Raises:
        UsageError: If a field is unknown, missing or of a wrong type.

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
            raise UsageError(f"there is no {place!r}", hint=f"there are {known}") from None
        raise UsageError(f"{place}: {first['msg']}", hint="see docs/reference/api-plans.md") from None


@cache
def _adapter(kind: type[Any]) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def read_document(path: Path, render: Callable[[str], str] | None = None) -> dict[str, Any]:
    """The mapping that a YAML or TOML file holds.

    Args:
        render: Makes of the file's text the text that counts.

    Raises:
        UsageError: If there is no such file, or it holds something else.
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
        raise UsageError(f"no plan '{path}': {error.strerror}", hint="check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"'{path}' is no TOML: {error}", hint="mend it") from None
    except Exception as error:  # noqa: BLE001  # yaml's own classes, of which there are many
        raise UsageError(f"'{path}' is no YAML: {' '.join(str(error).split())}", hint="mend it") from None
    if not isinstance(found, dict):
        raise UsageError(f"'{path}' holds no plan", hint="it is a mapping with a source: connection:/path")
    return found
