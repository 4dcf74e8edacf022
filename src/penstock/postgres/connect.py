"""Opens a connection to a Postgres server, and says in plain words why it cannot."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL

from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, PenstockError, TargetError

PgConnection = psycopg.Connection[DictRow]

# The server's function that refuses, with row_security = off, what a policy would filter. Its words are translated.
_HIDES_ROWS = "check_enable_rls"

_HINTS = {
    "28P01": "the login or the password is wrong",
    "28000": "the server does not let this login in",
    "3D000": "the server has no database of this name",
    "53300": "the server has no connection to spare",
    "57P03": "the server is starting or stopping; try again",
}

# What went wrong with the copy as a whole, by the class of the server's error code, and what helps.
_REMEDIES = {
    "53100": "make room on the server's disk and run the copy again",
    "53200": "the server is out of memory; run the copy again when it has some",
    "42501": "grant the login the right it lacks",
    "42P01": "the table was dropped during the copy; run it again",
    "25006": "the server is read-only: is it a standby?",
    "55P03": "another session holds the table; run the copy again when it is done",
    "57014": "somebody cancelled it, or a limit in the connection's own options did; run the copy again",
    "25P03": "the limit stands in the connection's own options: raise it there",
    "25P04": "the limit stands in the connection's own options: raise it there",
}

# What every session of ours begins with, so that all copies, exports and comparisons behave alike:
# - Dates and times are read and written in one way.
# - A long copy is not a runaway statement, and the second of two copies waits for the first: limits that the server,
#   the database or the login set do not apply. Those that the connection's own options name (source = 'client') stand.
#   Asking pg_settings leaves out what the server's version does not know.
# - Rows that a policy hides are an error (row_security = off), and not left out without a word.
_SESSION = """
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET row_security = {row_security};
    SELECT set_config(name, '0', false) FROM pg_settings
    WHERE source <> 'client' AND setting <> '0' AND name IN (
        'statement_timeout', 'lock_timeout', 'transaction_timeout',
        'idle_in_transaction_session_timeout', 'idle_session_timeout'
    )
"""

# What libpq says where encryption fails, what it means, and what to do.
_TLS = (
    (
        "root certificate file",
        "its certificate cannot be verified, the file of its issuers is missing or unreadable",
        "check the path in the connection's sslrootcert",
    ),
    (
        "certificate verify failed",
        "its certificate is not trusted",
        "name the file of its issuer's certificate as sslrootcert in the connection",
    ),
    (
        "does not match host name",
        "its certificate is for another host",
        "connect to the host that the certificate names",
    ),
    (
        "server does not support ssl",
        "it takes no encrypted connections",
        "check host and port, or leave sslmode out of the connection",
    ),
)


def connect(connection: Connection, *, visible_rows_only: bool = False) -> PgConnection:
    """A connection outside any transaction, rows as dictionaries.

    Args:
        visible_rows_only: Leave out the rows that row security hides from the login. Otherwise the server refuses
            every statement that would not see, or could not reach, all rows: see :func:`refused`.

    Raises:
        ConnectionFailed: If the server cannot be reached or entered; the message names server and database, no secret.
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
            return ConnectionFailed(f"cannot enter {where}: {words}", hint=hint)
    for code, words in _HINTS.items():
        if error.sqlstate == code or (error.sqlstate is None and _says(code, text)):
            return ConnectionFailed(f"cannot enter {where}: {words}", hint="check the connection's fields")
    if "refused" in text:
        return ConnectionFailed(f"cannot reach {where}: nothing listens there", hint="is the server up?")
    if "timeout" in text:
        return ConnectionFailed(f"cannot reach {where}: no answer", hint="check host, port and firewall")
    if "resolve" in text or "translate host" in text:
        return ConnectionFailed(f"cannot reach {where}: no such host", hint="check the host's name")
    return ConnectionFailed(f"cannot reach {where}", hint="check the connection's fields")


def _says(code: str, text: str) -> bool:
    # libpq hands on the server's words, not its code, when the login itself fails.
    words = {
        "28P01": "password authentication failed",
        "28000": "pg_hba.conf",
        "3D000": "does not exist",
        "53300": "too many clients",
        "57P03": "starting up",
    }
    return words[code] in text


def refused(error: psycopg.Error, doing: str) -> PenstockError:
    """The server's error as one of ours: what it said, and what to do. Nothing was changed by then.

    Args:
        doing: What was going on, as in ``"copying into warehouse:raw.sales"``.
    """
    code = error.sqlstate
    if code is None or code.startswith(("08", "57P")):
        return TargetError(
            f"{doing}: the connection to the server was lost",
            hint="nothing half done remains; run the same copy again, it is safe",
        )
    if hides_rows(error):
        return TargetError(
            f"{doing}: {_hidden(error)}",
            hint="use the table's owner or a login with BYPASSRLS, or take what this one sees: --visible-rows-only",
        )
    words = error.diag.message_primary or str(error).partition("\n")[0] or type(error).__name__
    return TargetError(f"{doing}: {words}", hint=_REMEDIES.get(code, "nothing was changed"))


def hides_rows(error: psycopg.Error) -> bool:
    """Whether the server refused because row security hides rows from this login."""
    return error.diag.source_function == _HIDES_ROWS


def _hidden(error: psycopg.Error) -> str:
    # The server's words may be in any language; the table's name stands in quotes.
    table = re.search(r"[\"\u00ab\u201e\u201c](.+)[\"\u00bb\u201c\u201d]", error.diag.message_primary or "")
    return f"row security hides rows of {table[1] if table else 'a table'} from this login"


def is_plain(connection: PgConnection) -> bool:
    """Whether the protocol crosses the network as it is, without TLS or GSS encryption around it."""
    if connection.pgconn.ssl_in_use:
        return False
    row = connection.execute("SELECT encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()").fetchone()
    return row is None or not row["encrypted"]


def cancel(connection: PgConnection) -> None:
    """Let the server end what it does for this connection, which another thread waits for."""
    try:
        connection.cancel_safe(timeout=5)
    except psycopg.Error:
        # Then there is nobody to cancel it: the thread meets the same end of the connection.
        return
