"""Objects moved from one prefix to another, whatever happens on the way."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from penstock.model.connection import Connection
from penstock.model.errors import UsageError
from penstock.model.manifest import NAME, ExportedFile, Manifest
from penstock.objects.keys import move
from penstock.objects.s3 import S3Store

PREFIX, TO = "2013-02-01/", "archive/2013-02-01/"


@pytest.fixture
def store(objects: Connection) -> S3Store:
    made = S3Store(objects, f"test-{secrets.token_hex(6)}")
    made.make_bucket()
    return made


def export(store: S3Store, run: str, table: str = "labor") -> None:
    file = f"part-{run}-00000.csv"
    store.put(f"{PREFIX}{table}/{file}", run.encode())
    manifest = Manifest(
        id="1", run=run, source="s:t", format="csv", compression="none", rows=1, fingerprint="f", columns=(),
        files=(ExportedFile(name=file, rows=1, size=len(run), etag=""),),
    )  # fmt: skip
    store.put(f"{PREFIX}{table}/{NAME}", manifest.to_json().encode())


def keys(store: S3Store) -> list[str]:
    return [one.key for one in store.list()]


def archived(run: str) -> list[str]:
    return [f"{TO}labor/{NAME}", f"{TO}labor/part-{run}-00000.csv"]


def test_all_of_it_moves_and_again_is_nothing(store: S3Store) -> None:
    export(store, "one")

    assert move(store, PREFIX, TO) == 2
    assert keys(store) == archived("one")
    assert move(store, PREFIX, TO) == 0
    assert keys(store) == archived("one")


def test_a_day_that_is_done_again_replaces_what_was_archived(store: S3Store) -> None:
    export(store, "one")
    move(store, PREFIX, TO)
    export(store, "two")

    move(store, PREFIX, TO)

    assert keys(store) == archived("two")


class Killed(BaseException):
    pass


def test_whatever_kills_it_the_next_finishes(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each request: at every instant the export is whole at one place at least, and in the end at one."""
    for fatal in range(20):
        store.delete(keys(store))
        export(store, "one")
        calls = 0

        def counted(original: Any, *, fatal: int = fatal) -> Any:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls > fatal:
                    raise Killed
                return original(*arguments, **options)

            return call

        with monkeypatch.context() as patched:
            for name in ("copy", "delete", "get"):
                patched.setattr(store, name, counted(getattr(store, name)))
            try:
                move(store, PREFIX, TO)
            except Killed:
                died = True
            else:
                died = False
        assert any(followed(store, prefix) for prefix in (PREFIX, TO)), fatal
        move(store, PREFIX, TO)
        assert keys(store) == archived("one"), fatal
        if not died:
            assert fatal > 3
            return
    raise AssertionError("it never ended")


def followed(store: S3Store, prefix: str) -> bool:
    """Whether what the manifest names is there."""
    if store.find(f"{prefix}labor/{NAME}") is None:
        return False
    manifest = Manifest.from_json(store.get(f"{prefix}labor/{NAME}"), prefix)
    return all(store.find(f"{prefix}labor/{file.name}") is not None for file in manifest.files)


def test_a_place_within_itself(store: S3Store) -> None:
    with pytest.raises(UsageError, match="cannot move"):
        move(store, "a/", "a/archive/")
