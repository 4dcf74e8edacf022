"""The manifest of an export: its files and their contents."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from penstock.model.errors import SourceError

# Begins with an underscore, so that programs that read a whole prefix, such as Spark, ignore it.
NAME = "_manifest.json"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One file of an export.

    Args:
        name: Its key, relative to the manifest's prefix.
        size: In bytes.
    """

    name: str
    rows: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedColumn:
    """One column of an export.

    Args:
        type: The database's own type, such as ``numeric(12,2)``.
        stored: Its type in the files, such as ``decimal128(12, 2)``.
    """

    name: str
    type: str
    stored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An export. A reader that follows it sees the files of exactly one export.

    Args:
        id: The copy's identity in the ledger.
        run: Prefix of its files' names.
        source: The table, or the connection of a query.
        fingerprint: A hash of all rows in order.
        database: Identifies the source database, independently of its address; empty if unknown.
        visible_rows_only: Rows that row security hides from the login were left out.
    """

    id: str
    run: str
    source: str
    format: str
    compression: str
    rows: int
    fingerprint: str
    columns: tuple[ExportedColumn, ...]
    files: tuple[ExportedFile, ...]
    database: str = ""
    visible_rows_only: bool = False

    def to_json(self) -> str:
        """The manifest as stored."""
        fields = {"version": _VERSION, **dataclasses.asdict(self)}
        if not self.visible_rows_only:
            del fields["visible_rows_only"]  # older versions of Penstock can read all other exports
        return json.dumps(fields, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Manifest:
        """The manifest that :meth:`to_json` wrote.

        Args:
            where: Its name in messages.

        Raises:
            SourceError: If it is not a manifest, or has a later version.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            version = fields.pop("version")
            if version != _VERSION:
                raise SourceError(f"{where} has the unknown version {version}", hint="upgrade penstock")
            fields["columns"] = tuple(ExportedColumn(**one) for one in fields["columns"])
            fields["files"] = tuple(ExportedFile(**one) for one in fields["files"])
            manifest = cls(**fields)
            _require_valid(manifest, where)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(
                f"{where} is not a manifest of an export", hint="remove it, or export again"
            ) from error
        return manifest


def _require_valid(manifest: Manifest, where: str) -> None:
    counts = [manifest.rows, *(number for file in manifest.files for number in (file.rows, file.size))]
    if any(type(count) is not int or count < 0 for count in counts):
        raise SourceError(f"{where} has an invalid number of rows or bytes", hint="export again")
    if (rows := sum(file.rows for file in manifest.files)) != manifest.rows:
        raise SourceError(f"{where} states {manifest.rows} rows, and its files {rows}", hint="export again")
    for file in manifest.files:
        if type(file.name) is not str or file.name.startswith("/") or ".." in file.name.split("/"):
            raise SourceError(
                f"{where} names a file outside of its export: {file.name!r}", hint="export again"
            )
