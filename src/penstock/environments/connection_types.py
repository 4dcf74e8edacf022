"""The types of connections: their fields, which of them are required, and how a form prompts for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# The fields of every connection, as named in files. `schema` is Airflow's name for the database.
PLAIN_FIELDS = ("type", "host", "port", "login", "password", "database")
ALIASES: Mapping[str, str] = {"schema": "database"}
MAX_PORT = 65_535
CONNECTION_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a connection type.

    Args:
        name: Name in a file; ``extra.NAME`` is in the mapping ``extra``.
        title: Short description for a form.
        required: Whether a connection needs the field.
        default: Default value in a form.
    """

    name: str
    title: str
    required: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of connection."""

    title: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """Return the field of this name, if the type has it."""
        return next((one for one in self.fields if one.name == name), None)


_LOGIN = Field("login", "login")
_PASSWORD = Field("password", "password")

KINDS: Mapping[str, Kind] = {
    "postgres": Kind(
        "A PostgreSQL database",
        (
            Field("host", "host name or address", required=True),
            Field("port", "port", default="5432"),
            Field("login", "login", required=True),
            _PASSWORD,
            Field("database", "database", required=True),
            Field("extra.sslmode", "sslmode (disable, prefer, require, verify-full)"),
        ),
    ),
    "http": Kind(
        "A web service",
        (
            Field("host", "base URL, such as https://api.example.com/v1", required=True),
            Field("port", "port, if not in the URL"),
            _LOGIN,
            _PASSWORD,
            Field("extra.allow", "private hosts and networks to allow, separated by commas"),
        ),
    ),
    "s3": Kind(
        "An S3-compatible object store",
        (
            Field("login", "access key id"),
            Field("password", "secret access key"),
            Field("extra.region_name", "region"),
            Field("extra.endpoint_url", "endpoint URL, if not Amazon's"),
            Field("extra.addressing_style", "path or virtual"),
            Field("extra.aws_session_token", "session token, for temporary keys"),
            Field("extra.bucket", "bucket"),
        ),
    ),
    "snowflake": Kind(
        "A Snowflake account",
        (
            Field("extra.account", "account identifier", required=True),
            Field("login", "login", required=True),
            _PASSWORD,
            Field("database", "database"),
            Field("extra.warehouse", "warehouse"),
            Field("extra.role", "role"),
        ),
    ),
    "generic": Kind(
        "Anything else",
        (
            Field("host", "host name or address"),
            Field("port", "port"),
            _LOGIN,
            _PASSWORD,
            Field("database", "database"),
        ),
    ),
}


def kind_of(name: str) -> Kind:
    """Return the type of this name; unknown types are treated as ``generic``."""
    return KINDS.get(name, KINDS["generic"])


def is_port(text: str) -> bool:
    """Whether the text is a valid port number.

    Example:
        >>> is_port("5432"), is_port("0"), is_port("65536"), is_port("543Z")
        (True, False, False, False)
    """
    return text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PORT)) and 0 < int(text) <= MAX_PORT
