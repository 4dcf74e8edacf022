"""One behaviour, whatever lies behind it: a directory, or a real S3 server."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from penstock.model.connection import Connection
from penstock.model.errors import NoSuchObject, SourceError, UsageError
from penstock.objects.directory import DirectoryStore
from penstock.objects.s3 import S3Store
from penstock.ports import ObjectStore

LARGE = 20 << 20  # several parts and several ranges


@pytest.fixture(params=["directory", "s3"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ObjectStore]:
    if request.param == "directory":
        return lambda: DirectoryStore(tmp_path / "store")
    objects: Connection = request.getfixturevalue("objects")
    bucket = f"test-{secrets.token_hex(6)}"

    def opened() -> ObjectStore:
        store = S3Store(objects, bucket)
        store.make_bucket()
        return store

    return opened


@pytest.fixture
def store(open_store: Callable[[], ObjectStore]) -> ObjectStore:
    return open_store()


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [one.key for one in store.list(prefix)]


def read(store: ObjectStore, key: str) -> bytes:
    with store.open(key) as stream:
        return stream.read()


def test_what_is_put_can_be_read(store: ObjectStore) -> None:
    store.put("2013/day 1/a=ü.csv", b"one")

    assert store.get("2013/day 1/a=ü.csv") == b"one"
    assert read(store, "2013/day 1/a=ü.csv") == b"one"
    assert keys(store) == ["2013/day 1/a=ü.csv"]


def test_put_replaces(store: ObjectStore) -> None:
    store.put("a", b"one")
    before = store.find("a")
    store.put("a", b"two")
    after = store.find("a")

    assert store.get("a") == b"two"
    assert before is not None
    assert after is not None
    assert before.etag != after.etag


def test_an_empty_object(store: ObjectStore) -> None:
    store.put("empty", b"")
    with store.writer("also"):
        pass

    assert [(one.key, one.size) for one in store.list()] == [("also", 0), ("empty", 0)]
    assert read(store, "empty") == b""


def test_list_gives_what_find_gives(store: ObjectStore) -> None:
    store.put("a/b", b"12345")

    (listed,) = store.list()

    assert listed == store.find("a/b")
    assert listed.size == 5
    assert abs(listed.modified - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_prefix_is_a_beginning_not_a_directory(store: ObjectStore) -> None:
    for key in ("2013/02/01/x", "2013/02/02/x", "2013/0", "2014/x"):
        store.put(key, b"")

    assert keys(store, "2013/02/") == ["2013/02/01/x", "2013/02/02/x"]
    assert keys(store, "2013/0") == ["2013/0", "2013/02/01/x", "2013/02/02/x"]
    assert keys(store, "2013/02/02/x") == ["2013/02/02/x"]
    assert keys(store, "nothing/") == []


def test_a_list_longer_than_a_page(store: ObjectStore) -> None:
    expected = [f"many/{number:04}" for number in range(1005)]
    for key in expected:
        store.put(key, b"")

    assert keys(store) == expected

    store.delete(expected)
    assert keys(store) == []


def test_a_large_object_goes_through_in_pieces(store: ObjectStore) -> None:
    content = secrets.token_bytes(LARGE)
    with store.writer("large") as writer:
        for start in range(0, LARGE, 3 << 20):
            assert keys(store) == []  # nothing of it shows
            writer.write(content[start : start + (3 << 20)])

    assert store.get("large") == content
    with store.open("large") as stream:
        assert stream.seekable()
        stream.seek(-100, io.SEEK_END)
        assert stream.read() == content[-100:]
        stream.seek(7 << 20)
        assert stream.read(2 << 20) == content[7 << 20 : 9 << 20]


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_writer_that_fails_leaves_nothing(store: ObjectStore, size: int) -> None:
    store.put("a", b"before")

    def fail() -> None:
        with store.writer("a") as writer:
            writer.write(bytes(size))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert store.get("a") == b"before"
    assert store.sweep("") == 0


def test_a_writer_that_vanished_is_swept(store: ObjectStore, open_store: Callable[[], ObjectStore]) -> None:
    writing = open_store().writer("day/a")
    writing.__enter__().write(bytes(LARGE))

    assert keys(store) == []
    assert store.sweep("other/") == 0
    assert store.sweep("day/") == 1
    assert store.sweep("day/") == 0


def test_delete_is_no_matter_of_how_often(store: ObjectStore) -> None:
    store.put("a/b", b"")
    store.put("c", b"")

    store.delete(["a/b", "never/was"])
    store.delete(["a/b"])

    assert keys(store) == ["c"]


def test_copy(store: ObjectStore) -> None:
    store.put("a/b", b"one")

    store.copy("a/b", "archive/a/b")

    assert keys(store) == ["a/b", "archive/a/b"]
    assert store.get("archive/a/b") == b"one"


@pytest.mark.parametrize("what", ["get", "open", "copy"])
def test_what_is_not_there(store: ObjectStore, what: str) -> None:
    arguments = ("a/b", "c") if what == "copy" else ("a/b",)

    with pytest.raises(NoSuchObject, match="no object 'a/b' in"):
        getattr(store, what)(*arguments)

    assert store.find("a/b") is None


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/./b", "a\0b", "x" * 1025])
def test_what_is_no_key(store: ObjectStore, key: str) -> None:
    with pytest.raises(UsageError, match="invalid object key"):
        store.put(key, b"")


def test_a_reader_never_sees_half_of_two_states(store: ObjectStore) -> None:
    """A file keeps what it was; from a server the rest would come from another state, so reading fails."""
    store.put("a", b"1" * LARGE)
    with store.open("a") as stream:
        assert stream.read(100) == b"1" * 100
        store.put("a", b"2" * LARGE)

        if isinstance(store, DirectoryStore):
            assert stream.read() == b"1" * (LARGE - 100)
        else:
            with pytest.raises(SourceError, match="changed while it was read"):
                stream.read()
