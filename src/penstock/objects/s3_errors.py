"""Translates errors of S3 servers and boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from penstock.model.errors import ConnectionFailed, NoSuchObject, PenstockError, TargetError

_KEYS = "check the connection's access key and secret"
_LOGIN = {
    "InvalidAccessKeyId": ("does not know this access key", _KEYS),
    "SignatureDoesNotMatch": ("says that the secret is not this key's", _KEYS),
    "AuthorizationHeaderMalformed": ("refuses the signature", "check the connection's region and keys"),
    "ExpiredToken": ("says that the keys have expired", "get new keys, and set them in the connection"),
    "InvalidToken": ("refuses the session token", "get new keys, and set them in the connection"),
    "TokenRefreshRequired": ("says that the keys have expired", "get new keys"),
    "RequestTimeTooSkewed": ("says that this machine's clock is wrong", "set the clock"),
    "AccessDenied": (
        "denies access",
        "grant the key's owner permission to list, read and write",
    ),
    # An answer to HEAD has no message: this is the result for expired keys.
    "400": (
        "refuses a request without a reason",
        "the keys may have expired: get new ones, and check the region",
    ),
    "403": ("denies access", f"{_KEYS}, and their rights"),
    "301": ("has this bucket in another region", "set the connection's region_name"),
    "PermanentRedirect": ("has this bucket in another region", "set the connection's region_name"),
}
_MISSING = ("404", "NoSuchKey")
_BUCKET = "NoSuchBucket"


def is_missing(error: Exception) -> bool:
    """Whether the server says that the object or bucket does not exist."""
    return _code(error) in (*_MISSING, _BUCKET)


@contextmanager
def translated(connection: str, bucket: str, key: str) -> Iterator[None]:
    """Translate boto3's errors into ours, which name connection, bucket and key, and hold no secret.

    Raises:
        NoSuchObject: If no object has this key.
        ConnectionFailed: If connecting to the store fails, or the bucket does not exist.
        TargetError: If the store failed after connecting.
    """
    try:
        yield
    except PenstockError:
        raise
    except Exception as error:  # noqa: BLE001  # botocore makes its classes at run time
        raise _in_words(error, connection, bucket, key) from None


def _in_words(error: Exception, connection: str, bucket: str, key: str) -> Exception:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return _refused(error, connection, bucket, key)
    if isinstance(error, (BotoCoreError, Boto3Error, ValueError)):
        return _failed(error, connection, bucket, key)
    if isinstance(error, OSError) or type(error).__module__.startswith("urllib3"):
        return _cut_off(connection, bucket, key)
    return error


def _refused(error: Exception, connection: str, bucket: str, key: str) -> PenstockError:
    code = _code(error)
    if code in _LOGIN:
        words, hint = _LOGIN[code]
        # Privileges are granted by the names of operations.
        doing = f" ({getattr(error, 'operation_name', '')})" if code == "AccessDenied" else ""
        return ConnectionFailed(f"s3://{bucket}/{key}: {connection} {words}{doing}", hint=hint)
    if code == _BUCKET or (code in _MISSING and not key):
        return ConnectionFailed(
            f"no bucket {bucket!r} in {connection}", hint="create it, or check its name and the endpoint"
        )
    if code in _MISSING:
        return NoSuchObject(f"no object '{key}' in s3://{bucket}", hint="check its key")
    return TargetError(
        f"s3://{bucket}/{key}: {connection} answers {code}: {_message(error)}",
        hint="no partial result is visible; run it again",
    )


def _failed(error: Exception, connection: str, bucket: str, key: str) -> PenstockError:
    name = type(error).__name__
    if name in ("NoCredentialsError", "PartialCredentialsError"):
        return ConnectionFailed(
            f"{connection} has no keys", hint=f"penstock connection set {connection} --login KEY --password -"
        )
    if name in ("EndpointConnectionError", "ConnectTimeoutError", "SSLError", "ProxyConnectionError"):
        return ConnectionFailed(
            f"cannot reach {connection} for s3://{bucket}", hint="check the endpoint, and that it is up"
        )
    if name in ("NoRegionError", "InvalidRegionError"):
        return ConnectionFailed(f"{connection} has no region", hint="set the connection's region_name")
    if name == "ParamValidationError" or isinstance(error, ValueError):
        return ConnectionFailed(
            f"s3://{bucket}/{key}: {error}", hint="check the bucket's name and the endpoint"
        )
    return _cut_off(connection, bucket, key)


def _cut_off(connection: str, bucket: str, key: str) -> PenstockError:
    return TargetError(
        f"s3://{bucket}/{key}: the connection to {connection} was lost",
        hint="no partial result is visible; run it again",
    )


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _message(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Message", ""))
