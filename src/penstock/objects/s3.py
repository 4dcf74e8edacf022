"""Buckets on S3 servers, through boto3."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from itertools import islice
from threading import Lock
from typing import Any, BinaryIO, cast

from penstock.model.connection import Connection
from penstock.model.errors import NoSuchObject, UsageError
from penstock.objects.keys import checked
from penstock.objects.multipart_upload import RangedReader, Upload
from penstock.objects.s3_errors import is_missing, translated
from penstock.ports import Stored

_MOST_DELETED = 1000  # limit of one request
_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 60
_ATTEMPTS = 4
_MAKING = Lock()


class S3Store:
    """The objects of one bucket. It only uses what every S3 server supports: no conditional writes.

    Args:
        connection: ``login`` and ``password`` are the keys; without them boto3 uses its default credentials
            (variables, profile, instance). Fields of ``extra``: ``region_name``, ``endpoint_url``,
            ``aws_session_token`` and ``addressing_style`` (``path`` or ``virtual``; the default is ``path`` if an
            endpoint is given).

    Raises:
        UsageError: If boto3 is not installed.
        ConnectionFailed: If the connection's fields are invalid.

    Example:
        >>> from penstock.model.connection import Secret
        >>> keys = Connection(name="objects", type="s3", login="ID", password=Secret("KEY"))
        >>> S3Store(keys, "my-bucket").name
        's3://my-bucket'
    """

    def __init__(self, connection: Connection, bucket: str) -> None:
        self._connection = connection.name
        self._bucket = bucket
        self.name = f"s3://{bucket}"
        with self._asking(""):
            self._client = _client(connection)

    def enter(self) -> None:
        """Check that the bucket exists and can be listed."""
        next(iter(self.list()), None)

    def make_bucket(self) -> None:
        """Create the bucket if it is missing."""
        from botocore.exceptions import ClientError

        with self._asking(""):
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if not is_missing(error):
                    raise
                region = self._client.meta.region_name
                where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
                self._client.create_bucket(Bucket=self._bucket, **({} if region == "us-east-1" else where))

    def put(self, key: str, data: bytes) -> None:
        """See :class:`penstock.ports.ObjectStore`."""
        with self._asking(key):
            self._client.put_object(Bucket=self._bucket, Key=checked(key), Body=data)

    @contextmanager
    def writer(self, key: str) -> Iterator[_Writer]:
        """See :class:`penstock.ports.ObjectStore`. A multipart upload, aborted if the block fails."""
        upload = Upload(self._client, self._bucket, checked(key))
        try:
            yield _Writer(self, upload)
            with self._asking(key):
                upload.complete()
        except BaseException:
            upload.abort()
            raise

    def find(self, key: str) -> Stored | None:
        """See :class:`penstock.ports.ObjectStore`."""
        try:
            with self._asking(key):
                head = self._client.head_object(Bucket=self._bucket, Key=checked(key))
        except NoSuchObject:
            with self._asking(""):  # a missing bucket is another error
                self._client.head_bucket(Bucket=self._bucket)
            return None
        return Stored(key, head["ContentLength"], head["ETag"].strip('"'), _seconds(head["LastModified"]))

    def get(self, key: str) -> bytes:
        """See :class:`penstock.ports.ObjectStore`."""
        with self._asking(key):
            return cast(
                "bytes", self._client.get_object(Bucket=self._bucket, Key=checked(key))["Body"].read()
            )

    def open(self, key: str) -> BinaryIO:
        """See :class:`penstock.ports.ObjectStore`."""
        stored = self.find(key)
        if stored is None:
            raise NoSuchObject(f"no object '{key}' in {self.name}", hint="check its key")
        return cast("BinaryIO", io.BufferedReader(RangedReader(self._read, stored), 1 << 20))

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See :class:`penstock.ports.ObjectStore`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with self._asking(prefix):
            for page in pages:
                for one in page.get("Contents", ()):
                    modified = _seconds(one["LastModified"])
                    yield Stored(one["Key"], one["Size"], one["ETag"].strip('"'), modified)

    def delete(self, keys: Iterable[str]) -> None:
        """See :class:`penstock.ports.ObjectStore`."""
        left = iter(keys)
        while some := [{"Key": checked(key)} for key in islice(left, _MOST_DELETED)]:
            with self._asking(some[0]["Key"]):
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": some, "Quiet": True}
                )
                self._raise_first(answer.get("Errors", ()))

    def copy(self, key: str, to: str) -> None:
        """See :class:`penstock.ports.ObjectStore`. Copied by the server, up to 5 GiB in one request."""
        source = {"Bucket": self._bucket, "Key": checked(key)}
        with self._asking(key):
            self._client.copy_object(Bucket=self._bucket, Key=checked(to), CopySource=source)

    def sweep(self, prefix: str) -> int:
        """See :class:`penstock.ports.ObjectStore`."""
        with self._asking(prefix):
            left = self._unfinished(prefix)
            for key, upload in left:
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)
        return len(left)

    def _unfinished(self, prefix: str) -> Sequence[tuple[str, str]]:
        asked = self._client.get_paginator("list_multipart_uploads")
        try:
            pages = list(asked.paginate(Bucket=self._bucket, Prefix=prefix))
        except self._client.exceptions.NoSuchUpload:  # rclone's answer for a bucket that never had one
            return []
        return [(one["Key"], one["UploadId"]) for page in pages for one in page.get("Uploads", ())]

    def _read(self, key: str, start: int, end: int) -> tuple[bytes, str]:
        with self._asking(key):
            answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=f"bytes={start}-{end - 1}")
            return answer["Body"].read(), answer["ETag"].strip('"')

    def _raise_first(self, errors: Iterable[dict[str, Any]]) -> None:
        from botocore.exceptions import ClientError

        for error in errors:
            raise ClientError({"Error": error}, "DeleteObjects")

    def _asking(self, key: str) -> Any:
        return translated(self._connection, self._bucket, key)


class _Writer:
    """See :class:`penstock.ports.ObjectWriter`."""

    def __init__(self, store: S3Store, upload: Upload) -> None:
        self._store = store
        self._upload = upload

    def write(self, data: bytes | memoryview, /) -> int:
        with self._store._asking(self._upload.key):  # noqa: SLF001  # its own writer
            return self._upload.write(data)


def list_buckets(connection: Connection) -> list[str]:
    """The buckets that these keys can list.

    Raises:
        UsageError: If boto3 is not installed.
        ConnectionFailed: If connecting to the store fails.
    """
    with translated(connection.name, "", ""):
        return [one["Name"] for one in _client(connection).list_buckets().get("Buckets", ())]


def _client(connection: Connection) -> Any:
    if find_spec("boto3") is None:
        raise UsageError("boto3 is not installed, but S3 needs it", hint="pip install 'penstock[s3]'")
    from botocore.config import Config

    endpoint = connection.extra.get("endpoint_url")
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        s3={"addressing_style": connection.extra.get("addressing_style", "path" if endpoint else "auto")},
        # Other servers than Amazon's reject or store the checksums that boto3 sends by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # Clients are thread-safe, but creating them is not.
    with _MAKING:
        return _session().client(
            "s3",
            aws_access_key_id=connection.login,
            aws_secret_access_key=connection.password.reveal() if connection.password else None,
            aws_session_token=connection.extra.get("aws_session_token"),
            region_name=connection.extra.get("region_name") or ("us-east-1" if endpoint else None),
            endpoint_url=endpoint,
            config=config,
        )


@cache
def _session() -> Any:
    """The shared boto3 session, which caches service descriptions: the first client takes 0.3 s."""
    import boto3

    return boto3.session.Session()


def _seconds(moment: datetime) -> datetime:
    """Without milliseconds, which a list reports and HEAD does not."""
    return moment.astimezone(UTC).replace(microsecond=0)
