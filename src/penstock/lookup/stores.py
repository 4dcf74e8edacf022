"""Opens the project's object stores: buckets of its connections, and its lake."""

from __future__ import annotations

from penstock import lookup
from penstock.environments.url_policy import allowed
from penstock.lookup.connections import find
from penstock.model.errors import ConnectionFailed, UsageError
from penstock.ports import ObjectStore

LAKE = "lake"


def open_store(connection: str, bucket: str) -> ObjectStore:
    """The bucket of this name in a connection of type s3. The embedded store creates a missing bucket.

    Raises:
        UsageError: If boto3 is not installed.
        ConnectionFailed: If the connection does not exist, has another type, or the store denies access.

    Example:
        >>> open_store("objects", "replication-bucket").put("hello.txt", b"hello")
    """
    from penstock.objects.s3 import S3Store

    found = find(connection, "s3")
    if endpoint := found.extra.get("endpoint_url"):
        allowed(endpoint, found)
    store = S3Store(found, bucket)
    if found.extra.get("make_buckets") == "true":
        store.make_bucket()
    return store


def open_lake() -> ObjectStore:
    """The project's lake: the bucket of the connection ``lake`` if it exists, or else ``.penstock/lake``.

    Raises:
        UsageError: If there is neither such a connection nor a project.
        ConnectionFailed: If the connection has another type, or no bucket.
    """
    project = lookup.project_here()
    connection = lookup.declared(LAKE, project)
    if connection is not None:
        if not (bucket := connection.extra.get("bucket")):
            raise ConnectionFailed(
                f"the connection {LAKE!r} has no bucket",
                hint=f"penstock connection set {LAKE} --extra bucket=...",
            )
        return open_store(LAKE, bucket)
    if project is None:
        raise UsageError(
            "no lake outside a project", hint="change into a project, or create one: penstock init"
        )
    from penstock.objects.directory import DirectoryStore

    return DirectoryStore(project.make_state_dir("lake"))
