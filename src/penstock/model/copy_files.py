"""Copies as YAML files: the source, the target and the options of one copy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_type_hints

from penstock.model.errors import UsageError
from penstock.model.options import CopyOptions
from penstock.model.plan_files import read_document

SUFFIXES = (".yaml", ".yml", ".toml")
_ENDS = ("source", "target")
_UNWRITTEN = frozenset({"answers", "pipeline", "task"})  # of a landing's plan, and of Airflow


def read_copy(path: Path) -> tuple[str, str, CopyOptions]:
    """The source, the target and the options of a copy's file.

    Raises:
        UsageError: If the file holds something else, such as the plan of an API.
    """
    fields = read_document(path)
    missing = [name for name in _ENDS if not isinstance(fields.get(name), str)]
    if missing:
        raise UsageError(
            f"'{path}' names no {missing[0]}",
            hint="a copy has source: FILE and target: connection:schema.table; "
            "the plan of an API lands in the lake: penstock copy plan.yaml lake:name",
        )
    known = set(get_type_hints(CopyOptions)) - _UNWRITTEN
    options = {name: value for name, value in fields.items() if name not in _ENDS}
    if unknown := sorted(set(options) - known):
        raise UsageError(
            f"'{path}': unknown field {unknown[0]!r}", hint=f"known fields: {', '.join(sorted(known))}"
        )
    return fields["source"], fields["target"], cast("CopyOptions", options)


def write_copy(path: Path, source: str, target: str, options: Mapping[str, Any]) -> None:
    """Write a copy's file.

    Raises:
        UsageError: If it exists, or cannot be written.
    """
    import yaml

    fields = {"source": source, "target": target, **options}
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1000)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"# penstock copy {path.name}\n{text}")
    except FileExistsError:
        raise UsageError(f"'{path}' exists already", hint="choose another name, or delete it first") from None
    except OSError as error:
        raise UsageError(f"cannot write '{path}': {error.strerror}", hint="check the path") from None
