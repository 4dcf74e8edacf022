"""What an export left: the files that belong together, and what is in them."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from penstock.model.errors import SourceError

# Begins with an underscore, so that programs which read a whole prefix, such as Spark, leave it out.
NAME = "_manifest.json"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One file of an export.

    Args:
        name: Its key, below the manifest's own prefix.
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
        stored: What it is in the files, such as ``decimal128(12, 2)``.
    """

    name: str
    type: str
    stored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A whole export. Whoever follows it sees the export that it names, and never files of two.

    Args:
        id: The copy's identity, under which the ledger has its account.
        run: Begins the names of its files.
        source: The table, or the connection of a query.
        fingerprint: A hash of all rows in their order.
        database: Tells the database that the rows came from, wherever it is reached; empty where that is unknown.
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
        """As it is stored."""
        fields = {"version": _VERSION, **dataclasses.asdict(self)}
        if not self.visible_rows_only:
            del fields["visible_rows_only"]  # an older penstock reads all other exports
        return json.dumps(fields, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Manifest:
        """The manifest that :meth:`to_json` wrote.

        Args:
            where: What messages call it.

        Raises:
            SourceError: If it is none, or of a later version.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            version = fields.pop("version")
            if version != _VERSION:
                raise SourceError(f"{where} is of version {version}", hint="update penstock")
            fields["columns"] = tuple(ExportedColumn(**one) for one in fields["columns"])
            fields["files"] = tuple(ExportedFile(**one) for one in fields["files"])
            return cls(**fields)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(
                f"{where} is no manifest of an export", hint="remove it, or export again"
            ) from error
