"""Errors of S3 servers that the embedded one never returns."""

from __future__ import annotations

import pytest
from botocore import exceptions

from penstock.model.errors import ConnectionFailed, PenstockError, TargetError
from penstock.objects.s3_errors import translated


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("ExpiredToken", ConnectionFailed, "the keys have expired"),
        ("AccessDenied", ConnectionFailed, "denies access"),
        ("PermanentRedirect", ConnectionFailed, "in another region"),
        ("RequestTimeTooSkewed", ConnectionFailed, "clock is wrong"),
        ("SlowDown", TargetError, "answers SlowDown"),
    ],
)
def test_what_the_server_refuses(code: str, kind: type[PenstockError], words: str) -> None:
    error = exceptions.ClientError({"Error": {"Code": code, "Message": "as it says"}}, "PutObject")

    with pytest.raises(kind, match=words) as failed, translated("aws", "lake", "sales/a.parquet"):
        raise error

    assert "s3://lake/sales/a.parquet" in failed.value.message
    assert failed.value.hint


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exceptions.NoCredentialsError(), "aws has no keys"),
        (exceptions.EndpointConnectionError(endpoint_url="http://x"), "cannot reach aws"),
        (exceptions.ConnectionClosedError(endpoint_url="http://x"), "was lost"),
        (exceptions.ReadTimeoutError(endpoint_url="http://x"), "was lost"),
    ],
)
def test_what_happens_on_the_line(error: Exception, words: str) -> None:
    with pytest.raises(PenstockError, match=words), translated("aws", "lake", "a"):
        raise error
