"""Keys that expire and rights that are lacking: one clear error, nothing half done, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.integration.objects.conftest import as_json
from tests.integration.objects.refusing import DENIED, EXPIRED, Refuses, refusing

import penstock
from penstock.cli.main import main
from penstock.model.connection import Connection
from penstock.objects.s3 import S3Store

Execute = Callable[[str], list[dict[str, object]]]

MANY = "CREATE TABLE many AS SELECT i, md5(i::text) AS a FROM generate_series(1, 60000) AS i"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several parts of little data, which the embedded store takes too."""
    monkeypatch.setattr("penstock.objects.multipart_upload._PART_BYTES", 200_000)
    monkeypatch.setattr("penstock.postgres.copy_out._BLOCK_BYTES", 100_000)


def is_part(method: str, path: str) -> bool:
    return method == "PUT" and "partNumber=" in path


def expired_amid(method: str, path: str, passed: int) -> bool:
    """From the sixth request on everything, so that not even the upload can be aborted."""
    return passed > 5


def no_put(method: str, path: str, passed: int) -> bool:
    return method == "PUT"


def no_third_part(method: str, path: str, passed: int) -> bool:
    return is_part(method, path) and "partNumber=3" in path


def no_uploads(method: str, path: str, passed: int) -> bool:
    return method == "GET" and "uploads" in path


@pytest.mark.parametrize(
    ("answer", "refuses", "words"),
    [
        (EXPIRED, expired_amid, "objects says that the keys have expired"),
        (DENIED, no_put, "objects denies access (UploadPart)"),
        (DENIED, no_third_part, "objects denies access (UploadPart)"),
        (DENIED, no_uploads, "objects denies access (ListMultipartUploads)"),
    ],
    ids=["expired", "no-put", "third-part", "no-uploads"],
)
def test_an_export_that_is_refused(
    store: S3Store,
    objects: Connection,
    execute: Execute,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: tuple[int, str, str],
    refuses: Refuses,
    words: str,
) -> None:
    execute(MANY)
    penstock.copy("source:many", f"{store.name}/many/", format="csv")
    before = [one.key for one in store.list()]
    with refusing(objects, answer, refuses) as endpoint:
        monkeypatch.setenv("PENSTOCK_CONN_OBJECTS", as_json(objects, endpoint_url=endpoint))
        code = main(["copy", "source:many", f"{store.name}/many/", "--format", "csv"])
    output = capsys.readouterr().err

    assert code == 1
    assert output.count("error: ") == 1
    assert words in output
    assert "\nhint: " in output
    assert objects.password is not None
    assert not [secret for secret in (objects.login, objects.password.reveal()) if str(secret) in output]
    assert [one.key for one in store.list()] == before
    if refuses is not expired_amid:
        assert store.sweep("") == 0

    # With keys that may, the same command leaves nothing of it.
    monkeypatch.setenv("PENSTOCK_CONN_OBJECTS", as_json(objects))
    assert main(["copy", "source:many", f"{store.name}/many/", "--format", "csv"]) == 0
    assert store.sweep("") == 0
    assert len(list(store.list())) == len(before)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (EXPIRED, "refuses a request without a reason"),  # an answer to HEAD has no body
        (DENIED, "denies access"),
    ],
    ids=["expired", "denied"],
)
def test_a_load_that_is_refused(
    store: S3Store,
    objects: Connection,
    execute: Execute,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: tuple[int, str, str],
    words: str,
) -> None:
    store.put("day.csv", b"a,b\n1,2\n")
    with refusing(objects, answer, lambda method, path, passed: True) as endpoint:
        monkeypatch.setenv(
            "PENSTOCK_CONN_OBJECTS", as_json(objects, endpoint_url=endpoint, aws_session_token="T0KEN")
        )
        code = main(["copy", f"{store.name}/day.csv", "warehouse:day"])
    output = capsys.readouterr().err

    assert (code, output.count("error: ")) == (1, 1)
    assert words in output
    assert "hint: " in output
    assert "T0KEN" not in output
