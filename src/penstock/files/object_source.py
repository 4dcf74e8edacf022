"""Objects of a store as files of a source."""

from __future__ import annotations

import fnmatch
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, cast

import xxhash

from penstock.files.blocks import Sizes
from penstock.files.format_detection import format_of
from penstock.files.source import FileSource
from penstock.files.stored_file import SpooledFile, StoredFile
from penstock.model.errors import NoSuchObject, SourceError
from penstock.model.file_options import FileOptions
from penstock.model.manifest import NAME, Manifest
from penstock.ports import Batch, ObjectStore, Source, Stored

_MAGIC = re.compile(r"[*?\[]")


class ObjectFile:
    """One object, as it was listed. If it has changed since, reading it raises an error."""

    def __init__(self, store: ObjectStore, stored: Stored) -> None:
        self.name = f"{store.name}/{stored.key}"
        self.size = stored.size
        self._store = store
        self._stored = stored

    def open(self) -> io.RawIOBase:
        """See :class:`penstock.files.stored_file.StoredFile`. Fetches ranges while reading."""
        try:
            self.require_unchanged()
            stream = self._store.open(self._stored.key)
        except NoSuchObject as error:
            raise self._changed() from error
        # The reader has its own buffers.
        return stream.detach() if isinstance(stream, io.BufferedReader) else cast("io.RawIOBase", stream)

    def require_unchanged(self) -> None:
        """See :class:`penstock.files.stored_file.StoredFile`."""
        found = self._store.find(self._stored.key)
        if found is None or (found.size, found.etag) != (self._stored.size, self._stored.etag):
            raise self._changed()

    def _changed(self) -> SourceError:
        return SourceError(
            f"'{self.name}' changed while it was being copied",
            hint="nothing was copied; copy it again when it is complete",
        )


class SpooledObject(ObjectFile):
    """One object for random access: downloaded as a whole into an unnamed temporary file."""

    _spooled: SpooledFile | None = None

    def open(self) -> io.RawIOBase:
        """See :class:`penstock.files.stored_file.StoredFile`."""
        if self._spooled is None:
            with super().open() as stream:
                self._spooled = SpooledFile(self.name, cast("BinaryIO", stream))
        return self._spooled.open()

    def forget(self) -> None:
        """Free the disk space; the next open downloads it again."""
        self._spooled = None


class ObjectsSource(FileSource):
    """Some objects of one format, read in order. At most one of them is on the disk at a time.

    Args:
        fingerprint: Of their whole content.
        detect: Detect how the files are written, where the options leave it open.
    """

    def __init__(
        self, stored: Sequence[StoredFile], options: FileOptions, fingerprint: str, *, detect: bool
    ) -> None:
        super().__init__(stored, options, Sizes(), detect=detect)
        self._fingerprint = fingerprint

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:  # noqa: ARG002
        """See :class:`penstock.ports.Source`. Computed from the store's etags, without reading the objects."""
        return self._fingerprint

    def batches(self) -> Iterator[Batch]:
        """See :class:`penstock.ports.Source`."""
        before = -1
        for batch in super().batches():
            if batch.file != before:
                self._forget(before)
                before = batch.file
            yield batch
        self._forget(before)

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """See :class:`penstock.ports.Source`."""
        try:
            return super().raw(file, lines)
        finally:
            self._forget(file)

    def _forget(self, index: int) -> None:
        if index >= 0 and isinstance(file := self._stored[index], SpooledObject):
            file.forget()


def open_objects(store: ObjectStore, key: str, options: FileOptions) -> Source:
    """The source that a key names: one object; the objects that match a pattern; an export, by its manifest; or all
    objects below a prefix, except names that begin with ``_`` or ``.``.

    Raises:
        SourceError: If no object has this key, or an export differs from its manifest.
        ConnectionFailed: If the store cannot be reached or entered.
    """
    prefix = prefix_of(key)
    one = None if key == prefix or _MAGIC.search(key) else store.find(key)
    manifest = None if one is not None or _MAGIC.search(key) else find_manifest(store, key)
    if manifest is not None:
        found = _exported(store, prefix, manifest)
        fingerprint = manifest.fingerprint
    else:
        found = [one] if one is not None else _listed(store, key, prefix)
        fingerprint = xxhash.xxh3_128_hexdigest("\n".join(f"{o.etag} {o.size}" for o in found).encode())
    files = [_file(store, stored, options) for stored in found]
    # An export of ours is written as options say by default.
    return ObjectsSource(files, options, fingerprint, detect=manifest is None)


def find_manifest(store: ObjectStore, key: str) -> Manifest | None:
    """The manifest of the export below a key, if there is one.

    Raises:
        SourceError: If the object is not a manifest.
    """
    prefix = prefix_of(key)
    with suppress(NoSuchObject):
        return Manifest.from_json(store.get(prefix + NAME), f"{store.name}/{prefix}{NAME}")
    return None


def prefix_of(key: str) -> str:
    """The prefix of all keys below this one.

    Example:
        >>> prefix_of("2013-02-01/labor"), prefix_of("2013/"), prefix_of("")
        ('2013-02-01/labor/', '2013/', '')
    """
    return f"{key.rstrip('/')}/" if key.strip("/") else ""


def _exported(store: ObjectStore, prefix: str, manifest: Manifest) -> list[Stored]:
    there = {stored.key: stored for stored in store.list(prefix)}
    found = []
    for file in manifest.files:
        stored = there.get(prefix + file.name)
        if stored is None or (stored.size, stored.etag) != (file.size, file.etag):
            raise SourceError(
                f"'{store.name}/{prefix}{file.name}' differs from its manifest",
                hint="a new export may be in progress: run this again, or export again",
            )
        found.append(stored)
    return found


def _listed(store: ObjectStore, key: str, prefix: str) -> list[Stored]:
    magic = _MAGIC.search(key)
    listed = store.list(key[: magic.start()] if magic else prefix)
    found = [
        stored
        for stored in listed
        if (fnmatch.fnmatchcase(stored.key, key) if magic else True)
        and not stored.key.rpartition("/")[2].startswith(("_", "."))
        and not stored.key.endswith("/")
    ]
    if not found:
        raise SourceError(f"no object at {store.name}/{key}", hint="check the key; a prefix ends with /")
    return found


def _file(store: ObjectStore, stored: Stored, options: FileOptions) -> StoredFile:
    name = options.format if options.format != "auto" else format_of(stored.key)
    # Text is read once in order; Parquet needs random access.
    return SpooledObject(store, stored) if name == "parquet" else ObjectFile(store, stored)
