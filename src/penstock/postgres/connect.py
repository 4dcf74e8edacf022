"""Opens connections to Postgres servers, and translates their errors."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL

from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, PenstockError, TargetError

PgConnection = psycopg.Connection[DictRow]

# The server's function that raises the error if row_security = off and a policy would filter. Messages are localized.
_HIDES_ROWS = "check_enable_rls"

_HINTS = {
    "28P01": "the login or the password is wrong",
    "28000": "the server rejects this login",
    "3D000": "the server has no database of this name",
    "53300": "the server has no free connections",
    "57P03": "the server is starting or stopping; try again",
}

# Hints by the server's error code, for errors that fail a whole copy.
_REMEDIES = {
    "53100": "free disk space on the server and run the copy again",
    "53200": "the server is out of memory; run the copy again later",
    "42501": "grant the missing privilege to the login",
    "42P01": "the table was dropped during the copy; run it again",
    "25006": "the server is read-only, as a standby is",
    "55P03": "another session locks the table; run the copy again when it is done",
    "57014": "it was cancelled by somebody, or by a timeout in the connection's options; run the copy again",
    "25P03": "raise the timeout in the connection's options",
    "25P04": "raise the timeout in the connection's options",
}

# Settings of every session, so that all copies, exports and comparisons behave alike:
# - Dates and times have one format.
# - A long copy is not a runaway statement, and a second copy waits for the first: timeouts that the server,
#   the database or the login set do not apply. Those in the connection's options (source = 'client') do.
#   Reading pg_settings skips settings that the server's version lacks.
# - Rows that a policy hides are an error (row_security = off) instead of being silently left out.
_SESSION = """
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET row_security = {row_security};
    SELECT set_config(name, '0', false) FROM pg_settings
    WHERE source <> 'client' AND setting <> '0' AND name IN (
        'statement_timeout', 'lock_timeout', 'transaction_timeout',
        'idle_in_transaction_session_timeout', 'idle_session_timeout'
    )
"""

# libpq's messages for failed encryption, their meaning, and hints.
_TLS = (
    (
        "root certificate file",
        "its certificate cannot be verified: the CA file is missing or unreadable",
        "check the path in the connection's sslrootcert",
    ),
    (
        "certificate verify failed",
        "its certificate is not trusted",
        "set sslrootcert in the connection to the CA's certificate file",
    ),
    (
        "does not match host name",
        "its certificate is for another host",
        "connect to the host that the certificate names",
    ),
    (
        "server does not support ssl",
        "it does not support encryption",
        "check host and port, or remove sslmode from the connection",
    ),
)


def connect(connection: Connection, *, visible_rows_only: bool = False) -> PgConnection:
    """A connection in autocommit, with rows as dictionaries.

    Args:
        visible_rows_only: Skip the rows that row security hides from the login. Otherwise every statement that would
            not see all rows fails: see :func:`refused`.

    Raises:
        ConnectionFailed: If connecting fails; the message names server and database, and holds no secret.
    """
    parameters: dict[str, Any] = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password.reveal() if connection.password else None,
        "dbname": connection.database,
        "application_name": "penstock",
        "connect_timeout": 10,
        **connection.extra,
    }
    try:
        opened = psycopg.connect(
            "",
            autocommit=True,
            row_factory=dict_row,
            **{k: v for k, v in parameters.items() if v is not None},
        )
    except psycopg.Error as error:
        raise _refused(connection, error) from None
    opened.execute(SQL(_SESSION).format(row_security=SQL("on" if visible_rows_only else "off")))
    return opened


def _refused(connection: Connection, error: psycopg.Error) -> ConnectionFailed:
    place = f"{connection.host or 'local socket'}:{connection.port or 5432}"
    where = f"{connection.name} ({place}, database {connection.database})"
    text = str(error).lower()
    for sign, words, hint in _TLS:
        if error.sqlstate is None and sign in text:
            return ConnectionFailed(f"cannot connect to {where}: {words}", hint=hint)
    for code, words in _HINTS.items():
        if error.sqlstate == code or (error.sqlstate is None and _says(code, text)):
            return ConnectionFailed(
                f"cannot connect to {where}: {words}", hint="check the connection's fields"
            )
    if "refused" in text:
        return ConnectionFailed(
            f"cannot reach {where}: connection refused", hint="check that the server is running"
        )
    if "timeout" in text:
        return ConnectionFailed(f"cannot reach {where}: no answer", hint="check host, port and firewall")
    if "resolve" in text or "translate host" in text:
        return ConnectionFailed(f"cannot reach {where}: no such host", hint="check the host's name")
    return ConnectionFailed(f"cannot reach {where}", hint="check the connection's fields")


def _says(code: str, text: str) -> bool:
    # libpq returns the server's message without its code when the login fails.
    words = {
        "28P01": "password authentication failed",
        "28000": "pg_hba.conf",
        "3D000": "does not exist",
        "53300": "too many clients",
        "57P03": "starting up",
    }
    return words[code] in text


def refused(error: psycopg.Error, doing: str) -> PenstockError:
    """Translate the server's error into one with a hint. Nothing was changed.

    Args:
        doing: The operation, such as ``"copying into warehouse:raw.sales"``.
    """
    code = error.sqlstate
    if code is None or code.startswith(("08", "57P")):
        return TargetError(
            f"{doing}: the connection to the server was lost",
            hint="no partial result remains; it is safe to run the same copy again",
        )
    if hides_rows(error):
        return TargetError(
            f"{doing}: {_hidden(error)}",
            hint="use the table's owner or a login with BYPASSRLS, or copy only visible rows: --visible-rows-only",
        )
    words = error.diag.message_primary or str(error).partition("\n")[0] or type(error).__name__
    return TargetError(f"{doing}: {words}", hint=_REMEDIES.get(code, "nothing was changed"))


def hides_rows(error: psycopg.Error) -> bool:
    """Whether the error is caused by row security hiding rows from this login."""
    return error.diag.source_function == _HIDES_ROWS


def _hidden(error: psycopg.Error) -> str:
    # The server's message may be in any language; the table's name is quoted.
    table = re.search(r"[\"\u00ab\u201e\u201c](.+)[\"\u00bb\u201c\u201d]", error.diag.message_primary or "")
    return f"row security hides rows of {table[1] if table else 'a table'} from this login"


def is_plain(connection: PgConnection) -> bool:
    """Whether the connection is unencrypted, by neither TLS nor GSS."""
    if connection.pgconn.ssl_in_use:
        return False
    row = connection.execute("SELECT encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()").fetchone()
    return row is None or not row["encrypted"]


def cancel(connection: PgConnection) -> None:
    """Cancel the running statement of this connection, for which another thread waits."""
    try:
        connection.cancel_safe(timeout=5)
    except psycopg.Error:
        # The connection is gone, and the other thread gets the same error.
        return


def lock_number(*names: str) -> int:
    """The key of the advisory lock on these names.

    Example:
        >>> lock_number("s3://lake", "sales/") == lock_number("s3://lake", "sales/")
        True
    """
    text = "\n".join(("penstock", *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)
