"""Opens Snowflake sessions, and translates Snowflake's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, ContractError, PenstockError, TargetError, UsageError

LOGIN_TIMEOUT_S = 15
_FIELDS = ("account", "warehouse", "role", "protocol", "authenticator", "private_key_file", "passcode")
_NUMBERS = ("network_timeout", "login_timeout")
_WORDS = 300  # of Snowflake's message, which may quote a long statement

_LOGIN = (250001, 250003, 251001, 251005, 390100, 390101, 390144, 390189, 394304)
MISSING = (2003, 2043)
_NO_RIGHT = 3001
_BAD_DATA = ("22", "23")  # classes of SQLSTATE


def snowflake_connect(connection: Connection) -> Any:
    """A session of the connector, in autocommit.

    Raises:
        UsageError: If the connector is not installed.
        ConnectionFailed: If connecting to Snowflake fails; the message holds no secret.
    """
    # Check the submodule: other packages share the top-level name.
    if find_spec("snowflake") is None or find_spec("snowflake.connector") is None:
        raise UsageError(
            "snowflake-connector-python is not installed", hint="pip install 'penstock[snowflake]'"
        )
    import snowflake.connector as connector

    extra = connection.extra
    fields: dict[str, Any] = {
        "user": connection.login,
        "password": connection.password.reveal() if connection.password else None,
        "host": connection.host,
        "port": connection.port,
        "database": connection.database,
        "schema": extra.get("schema"),
        "login_timeout": LOGIN_TIMEOUT_S,
        **{name: extra[name] for name in _FIELDS if name in extra},
        **{name: int(extra[name]) for name in _NUMBERS if name in extra},
        "session_parameters": {"QUERY_TAG": "penstock", "TIMEZONE": "UTC"},
    }
    try:
        return connector.connect(**{name: value for name, value in fields.items() if value is not None})
    except connector.errors.Error as error:
        words = "the login or the password is wrong" if error.errno in _LOGIN else _first_line(error)
        raise ConnectionFailed(
            f"cannot connect to {connection.name} (Snowflake account {extra.get('account', '')}): {words}",
            hint=f"penstock connection test {connection.name}",
        ) from None


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the connector's errors into ours.

    Args:
        doing: The operation, such as ``"copying into snow:daily.labor"``.

    Raises:
        ContractError: If a table, stage or column is missing.
        ConnectionFailed: If the role lacks a privilege.
        TargetError: For any other error.
    """
    import snowflake.connector as connector

    try:
        yield
    except connector.errors.Error as error:
        raise _in_words(error, doing) from None


def _in_words(error: Any, doing: str) -> PenstockError:
    words = f"{doing}: {_first_line(error)}"
    if error.errno in MISSING:
        return ContractError(words, hint="create it, or grant the role access to it; nothing was changed")
    if error.errno == _NO_RIGHT:
        return ConnectionFailed(words, hint="grant the missing privilege to the connection's role")
    if str(error.sqlstate).startswith(_BAD_DATA):
        return TargetError(words, hint="nothing was changed; with --max-rejects such rows go to quarantine")
    return TargetError(words, hint="nothing was changed")


def _first_line(error: Any) -> str:
    """The first line with a message; its position depends on the connector's version."""
    text = str(error.msg or error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    useful = [line for line in lines if not line.endswith("SQL compilation error:")]
    return [*useful, *lines, type(error).__name__][0][:_WORDS]
