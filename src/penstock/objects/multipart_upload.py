"""Reads and writes one object of an S3 server: in ranges, in a single request, or as a multipart upload."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from penstock.model.errors import SourceError
from penstock.ports import Stored

# S3 requires parts of at least 5 MiB and allows 10,000 parts: this size is enough for 60 GB, with two or three parts
# in memory.
_PART_BYTES = 6 << 20
# Parts being sent while the next is filled. One keeps the network busy; a second only takes memory.
_MOST_UNDERWAY = 1


class Upload:
    """Collects bytes and sends them in parts, in parallel to the caller.

    Args:
        client: boto3's, for S3.
    """

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self.key = key
        self._client = client
        self._place = {"Bucket": bucket, "Key": key}
        self._buffer = bytearray()
        self._id: str | None = None
        self._parts = 0
        self._underway: deque[Future[dict[str, Any]]] = deque()
        self._done: list[dict[str, Any]] = []
        self._thread: ThreadPoolExecutor | None = None

    def write(self, data: bytes | memoryview) -> int:
        """Append these bytes; sends complete parts."""
        view = memoryview(data).cast("B")
        self._buffer += view
        while len(self._buffer) >= _PART_BYTES:
            self._send(bytes(memoryview(self._buffer)[:_PART_BYTES]))
            del self._buffer[:_PART_BYTES]
        return view.nbytes

    def complete(self) -> None:
        """Complete the upload."""
        if self._id is None:
            self._client.put_object(**self._place, Body=bytes(self._buffer))
            return
        if self._buffer:
            self._send(bytes(self._buffer))
        self._wait(0)
        self._client.complete_multipart_upload(
            **self._place, UploadId=self._id, MultipartUpload={"Parts": self._done}
        )
        self._id = None
        self._stop()

    def abort(self) -> None:
        """Abort the upload. If the server is unreachable, the next writer cleans up."""
        self._stop()
        if self._id is not None:
            with suppress(Exception):
                self._client.abort_multipart_upload(**self._place, UploadId=self._id)
            self._id = None

    def _send(self, part: bytes) -> None:
        if self._thread is None:
            self._id = self._client.create_multipart_upload(**self._place)["UploadId"]
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="upload")
        self._wait(_MOST_UNDERWAY - 1)
        self._parts += 1
        self._underway.append(self._thread.submit(self._send_part, self._parts, part))

    def _send_part(self, number: int, part: bytes) -> dict[str, Any]:
        answer = self._client.upload_part(**self._place, UploadId=self._id, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def _wait(self, most: int) -> None:
        while len(self._underway) > most:
            self._done.append(self._underway.popleft().result())

    def _stop(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
            self._thread = None


# Size of a range: smaller ones are slower over high latency; at most two are in memory.
_BLOCK_BYTES = 4 << 20

Fetch = Callable[[str, int, int], tuple[bytes, str]]


class RangedReader(io.RawIOBase):
    """Reads one version of an object; if it changes, reading fails.

    Args:
        fetch: Returns the bytes from start to end of a key, and the object's current etag.
        stored: The listed object.
    """

    def __init__(self, fetch: Fetch, stored: Stored) -> None:
        self._fetch = fetch
        self._stored = stored
        self._at = 0
        self._start = 0
        self._block = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """The current position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """See :class:`io.RawIOBase`."""
        self._at = (0, self._at, self._stored.size)[whence] + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """See :class:`io.RawIOBase`.

        Raises:
            SourceError: If the object has changed.
        """
        if self._at >= self._stored.size:
            return 0
        if not self._start <= self._at < self._start + len(self._block):
            self._load()
        begin = self._at - self._start
        piece = memoryview(self._block)[begin : begin + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _load(self) -> None:
        end = min(self._at + _BLOCK_BYTES, self._stored.size)
        block, etag = self._fetch(self._stored.key, self._at, end)
        if etag != self._stored.etag or len(block) != end - self._at:
            raise SourceError(
                f"'{self._stored.key}' changed while it was read",
                hint="nothing was copied; run it again when it is complete",
            )
        self._start, self._block = self._at, block
