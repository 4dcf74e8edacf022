"""One export: files are written first, then the manifest, and then old files are removed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import psycopg

from penstock.model.connection import Connection
from penstock.model.errors import NoSuchObject, TargetError, UsageError
from penstock.model.manifest import NAME, ExportedFile, Manifest
from penstock.model.plan import CopyPlan
from penstock.objects.export.file_writer import Files, Format
from penstock.objects.export.formats import make_format
from penstock.ports import Entry, ObjectStore, Reading, Rows
from penstock.postgres.connect import PgConnection, connect, lock_number, refused
from penstock.postgres.export_ledger import keep_account

_PART = re.compile(r"part-\d{8}T\d{6}-[0-9a-f]{8}-\d{5}\.[a-z.]+")

# Identifies the database independently of its address; a standby has the same identity as its primary.
_DATABASE = """
    SELECT system_identifier || '/' || oid AS database
    FROM pg_control_system(), pg_database WHERE datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class ObjectsTarget:
    """The target of an export: a prefix of a store, or one object.

    Args:
        prefix: Prefix of the keys: empty, or ending with ``/``. Otherwise it is the key of a single object.
        address: Its name in messages and the ledger.
        limit: Maximum size of a file in bytes.
        ledger: The source's database, which holds the lock and the account.
    """

    store: ObjectStore
    prefix: str
    address: str
    form: Format
    limit: int
    ledger: Connection

    @contextmanager
    def begin(self) -> Iterator[ObjectsSession]:
        """Begin an export; holds a lock on the address.

        Raises:
            ConnectionFailed: If connecting to the store or the ledger's database fails.
            TargetError: If the database refuses it.
        """
        opened = connect(self.ledger)
        try:
            with opened, opened.transaction():
                number = lock_number(self.store.name, self.prefix)
                opened.execute("SELECT pg_advisory_xact_lock(%s)", [number])
                yield ObjectsSession(self, opened)
        except psycopg.Error as error:
            raise refused(error, f"copying into {self.address}") from None


@dataclass(slots=True)
class ObjectsSession:
    """See :class:`penstock.ports.ExportSession`."""

    target: ObjectsTarget
    connection: PgConnection
    run: str = ""
    before: Manifest | None = field(init=False)
    database: str = field(init=False)

    def __post_init__(self) -> None:
        self.run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        self.before = self._manifest()
        row = self.connection.execute(_DATABASE).fetchone()
        self.database = row["database"] if row is not None else ""

    @property
    def single(self) -> bool:
        """Whether the target is a single object, which is written atomically and needs no manifest."""
        return bool(self.target.prefix) and not self.target.prefix.endswith("/")

    def write(self, reading: Reading, blocks: Iterable[Rows]) -> Sequence[ExportedFile]:
        """Write all rows. Readers see an export only when it is published; if writing fails, its files are removed."""
        target = self.target
        target.store.sweep(target.prefix)
        stem = target.prefix if self.single else f"{target.prefix}part-{self.run}"
        limit = None if self.single else target.limit
        with Files(target.store, stem, target.form, limit) as files:
            for rows in blocks:
                files.write(rows, reading)
            files.finish(reading)
        for file in files.done:
            if not file.etag:
                raise TargetError(
                    f"{target.store.name}/{file.name} differs from what was written",
                    hint="another program may write there: run it again",
                )
        return files.done

    def publish(self, manifest: Manifest, entry: Entry) -> None:
        """Replace the manifest, and remove the files that it no longer names."""
        if self._manifest() != self.before:
            self.discard(manifest.files)
            raise TargetError(
                f"another database exported to {self.target.address} at the same time; nothing was changed",
                hint="export different databases to different addresses",
            )
        keep_account(self.connection, entry)
        if self.single:
            return
        below = len(self.target.prefix)
        files = tuple(replace(file, name=file.name[below:]) for file in manifest.files)
        named = replace(manifest, run=self.run, files=files)
        self.target.store.put(self.target.prefix + NAME, named.to_json().encode())
        self._remove_others({file.name for file in files})

    def discard(self, files: Iterable[ExportedFile]) -> None:
        """Remove unpublished files."""
        if not self.single:
            self.target.store.delete(file.name for file in files)

    def _manifest(self) -> Manifest | None:
        if self.single:
            return None
        with suppress(NoSuchObject):
            text = self.target.store.get(self.target.prefix + NAME)
            return Manifest.from_json(text, f"{self.target.address}{NAME}")
        return None

    def _remove_others(self, kept: set[str]) -> None:
        """Files of the previous export and of killed exports, recognized by their names."""
        below = len(self.target.prefix)
        names = [stored.key[below:] for stored in self.target.store.list(f"{self.target.prefix}part-")]
        left = [name for name in names if _PART.fullmatch(name) and name not in kept]
        self.target.store.delete(self.target.prefix + name for name in left)


# Large enough that a request's latency does not matter, small enough for several parallel readers.
DEFAULT_LIMIT = 250_000_000
_LEAST_LIMIT = 1_000
_ONE_FILE = re.compile(r".+\.(?P<format>parquet|csv)(?:\.(?P<packed>gz|zst))?")


def make_target(plan: CopyPlan, store: ObjectStore, key: str, ledger: Connection) -> ObjectsTarget:
    """The target of a key.

    Args:
        key: With a suffix, such as ``labor.csv.gz``, it is one file; otherwise a prefix.
        ledger: The database that keeps the account.

    Raises:
        UsageError: If format, compression or size are invalid.
    """
    limit = DEFAULT_LIMIT if plan.max_file_size is None else plan.max_file_size
    if limit < _LEAST_LIMIT:
        raise UsageError(f"file size {limit} is too small", hint=f"use at least {_LEAST_LIMIT} bytes")
    asked = None if plan.file.format == "auto" else plan.file.format
    one = _ONE_FILE.fullmatch(key)
    if one is None:
        if "." in key.rpartition("/")[2]:
            raise UsageError(
                f"no format for the file name {key!r}",
                hint="use a suffix: .parquet, .csv, .csv.gz, .csv.zst, or / for several files",
            )
        prefix = f"{key.rstrip('/')}/" if key.strip("/") else ""
        form = make_format(asked or "parquet", plan.compression, limit)
    else:
        if asked not in (None, one["format"]):
            raise UsageError(f"{key!r} is {one['format']}, but --format is {asked}", hint="use one of them")
        if plan.max_file_size is not None:
            raise UsageError(
                f"{key!r} is a single file, which has no size limit", hint="use a prefix: end it with /"
            )
        prefix = key
        form = make_format(one["format"], plan.compression or one["packed"], None)
    return ObjectsTarget(store, prefix, plan.target, form, limit, ledger)
