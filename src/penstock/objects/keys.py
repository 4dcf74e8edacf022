"""Validates object keys, and moves objects from one prefix to another."""

from __future__ import annotations

from penstock.model.errors import UsageError
from penstock.model.manifest import NAME, Manifest
from penstock.ports import ObjectStore

_MOST_BYTES = 1024  # limit of S3


def checked(key: str) -> str:
    """The key, if it is valid in every store.

    Raises:
        UsageError: If it is empty or too long, or a part of it is empty, ``.`` or ``..``, or holds a NUL.

    Example:
        >>> checked("2013-02-01/labor/part-0.parquet")
        '2013-02-01/labor/part-0.parquet'
    """
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in key or len(key.encode()) > _MOST_BYTES:
        raise UsageError(f"invalid object key {key!r}", hint="write it as a relative path: 2013/labor.csv")
    return key


def move(store: ObjectStore, prefix: str, to: str) -> int:
    """Move all objects below a prefix; returns their number.

    It is safe to repeat, and the next call completes one that was killed: nothing is removed before everything is
    copied. A manifest is copied after its files and removed before them, so that a reader of a manifest always
    finds its files. Files of an older export at the new prefix are removed.

    Raises:
        UsageError: If one prefix contains the other.

    Example:
        >>> from pathlib import Path
        >>> from penstock.objects.directory import DirectoryStore
        >>> store = DirectoryStore(Path("lake"))
        >>> store.put("2013-02-01/labor.csv", b"id")
        >>> move(store, "2013-02-01/", "archive/2013-02-01/")
        1
    """
    if not prefix or not to or prefix.startswith(to) or to.startswith(prefix):
        raise UsageError(
            f"cannot move {prefix!r} to {to!r}", hint="use two prefixes that do not contain each other"
        )
    keys = [stored.key for stored in store.list(prefix)]
    manifests = [key for key in keys if key.endswith(f"/{NAME}")]
    files = [key for key in keys if key not in set(manifests)]
    for key in (*files, *manifests):
        store.copy(key, to + key[len(prefix) :])
    for key in manifests:
        _remove_older(store, to + key[len(prefix) :])
    store.delete(manifests)
    store.delete(files)
    return len(keys)


def _remove_older(store: ObjectStore, key: str) -> None:
    """Files of exports that the manifest of this key no longer names."""
    folder = key.removesuffix(NAME)
    named = {folder + file.name for file in Manifest.from_json(store.get(key), key).files}
    store.delete([one.key for one in store.list(f"{folder}part-") if one.key not in named])
