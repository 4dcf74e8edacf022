"""``COPY INTO`` statements and their results by file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.model.errors import UsageError
from penstock.model.manifest import Manifest
from penstock.snowflake.columns import TableColumn, column_type, identifier, literal, quoted

_MOST_FILES = 1000  # of one statement
_LOADED = "LOADED"
_PLAIN = re.compile(r"[\w./=-]*")


@dataclass(slots=True)
class Copied:
    """The result of one or more statements."""

    loaded: int = 0
    refused: list[str] = field(default_factory=list)


def copy_statements(
    table: str, place: str, manifest: Manifest, columns: Sequence[TableColumn] = ()
) -> Iterator[str]:
    """The statements that load an export's files, up to a thousand files in each.

    Args:
        table: Quoted.
        columns: The table's columns, in the manifest's order; by default they have the manifest's names.
        place: The stage and the path in it as written in SQL; see :func:`stage_path`.

    Raises:
        UsageError: If the export is in a format that Snowflake does not read.
    """
    names = [file.name for file in manifest.files]
    exported = [column.name for column in manifest.columns]
    listed = ", ".join([column.quoted for column in columns] or map(identifier, exported))
    # Snowflake matches Parquet columns only by case-insensitive name.
    alike = all(one.name.upper() == name.upper() for one, name in zip(columns, exported, strict=False))
    # The ledger decides what was loaded before: Snowflake's load history expires after 64 days.
    after = "ON_ERROR = ABORT_STATEMENT FORCE = TRUE"
    for start in range(0, len(names), _MOST_FILES):
        files = ", ".join(map(literal, names[start : start + _MOST_FILES]))
        match manifest.format:
            case "parquet" if not alike:
                values = ", ".join(
                    f"$1:{quoted(column.name)}::{column_type(column)}" for column in manifest.columns
                )
                yield (
                    f"COPY INTO {table} ({listed}) FROM (SELECT {values} FROM {place}) FILES = ({files})"
                    f" FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE) {after}"
                )
            case "parquet":
                yield (
                    f"COPY INTO {table} FROM {place} FILES = ({files})"
                    " FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE)"
                    f" MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE {after}"
                )
            case "csv":
                yield (
                    f"COPY INTO {table} ({listed}) FROM {place} FILES = ({files})"
                    " FILE_FORMAT = (TYPE = CSV SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '\"'"
                    f" EMPTY_FIELD_AS_NULL = TRUE NULL_IF = () ESCAPE_UNENCLOSED_FIELD = NONE) {after}"
                )
            case other:
                raise UsageError(f"cannot load {other} into Snowflake", hint="export as parquet or csv")


def stage_path(stage: str, path: str) -> str:
    """The stage and a path in it as written in SQL, quoted if the path needs it.

    Args:
        stage: Quoted.

    Example:
        >>> stage_path("S3", "day=1/"), stage_path("S3", "it's/")
        ('@S3/day=1/', "'@S3/it''s/'")
    """
    place = f"@{stage}/{path}"
    return place if _PLAIN.fullmatch(path) else literal(place)


def copied(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> Copied:
    """Parse Snowflake's result of one statement.

    Example:
        >>> copied([("a", "LOADED", 5, 5, 0)], ["file", "status", "rows_parsed", "rows_loaded", "errors_seen"]).loaded
        5
    """
    found = Copied()
    places = {name.lower(): place for place, name in enumerate(names)}
    if "rows_loaded" not in places:  # a single text column: there were no files
        return found
    for row in rows:
        found.loaded += int(row[places["rows_loaded"]] or 0)
        if row[places["status"]] != _LOADED:
            found.refused.append(f"{row[0]}: {row[places['status']]}")
    return found
