"""Addresses of sources and targets: tables, objects, the lake, an API's path, or files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from penstock.model.errors import UsageError, masked

OBJECTS = "objects"

_PART = r'(?:"(?:[^"]|"")+"|[^.:/"][^.:/]*)'  # a name; in quotes, it may hold any character
_TABLE = re.compile(rf"(?P<connection>\w[\w-]*):(?:(?P<schema>{_PART})\.)?(?P<table>{_PART})")
_PLAIN = re.compile(r'[^.:/"][^.:/]*')
_API = re.compile(r"(?P<connection>\w[\w-]*):(?P<path>/[^/].*|/)")
_CONNECTION = re.compile(r"([\w-]+):?")
_URL = re.compile(r"(?!s3:)(?P<scheme>[a-z][a-z0-9+.-]*)://.+", re.IGNORECASE)
_DATABASES = ("postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "snowflake", "mysql")
_OBJECTS = re.compile(r"s3://(?:(?P<connection>[\w-]+)@)?(?P<bucket>[^/@]+)(?:/(?P<key>.*))?")


@dataclass(frozen=True, slots=True)
class Table:
    """``connection:schema.table``; the schema defaults to ``public``. A name with a dot is quoted: ``"v1.sales"``."""

    kind: ClassVar = "table"
    connection: str
    schema: str
    table: str


@dataclass(frozen=True, slots=True)
class Query:
    """The rows of a query in a connection's database."""

    kind: ClassVar = "query"
    connection: str
    sql: str

    @classmethod
    def parse(cls, text: str, sql: str) -> Query:
        """Make a query source from the address ``connection:``.

        Raises:
            UsageError: If the text is not the address of a connection.

        Example:
            >>> Query.parse("source:", "SELECT 1").connection
            'source'
        """
        refuse_url(text)
        match = _CONNECTION.fullmatch(text)
        if match is None:
            raise UsageError(
                f"invalid source {text!r}: a query needs a connection to a database",
                hint="give only the connection: penstock copy source: warehouse:top --query top.sql",
            )
        return cls(match[1], sql)


@dataclass(frozen=True, slots=True)
class Objects:
    """``s3://bucket/key`` or ``s3://connection@bucket/key``; the connection defaults to ``objects``.

    A key that is empty or ends with ``/`` names everything below it.
    """

    kind: ClassVar = "objects"
    connection: str
    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Lake:
    """``lake:path``, below the root of the project's lake."""

    kind: ClassVar = "lake"
    path: str


@dataclass(frozen=True, slots=True)
class Api:
    """``connection:/path`` of a connection of type http."""

    kind: ClassVar = "api"
    connection: str
    path: str


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A YAML or TOML file that describes requests to an API."""

    kind: ClassVar = "api"
    path: Path


@dataclass(frozen=True, slots=True)
class Files:
    """A path, a glob, or ``-`` for standard input."""

    kind: ClassVar = "file"
    pattern: str


Address = Table | Query | Objects | Lake | Api | PlanFile | Files


def parse(text: str, *, local_files: bool = True) -> Address:
    """Parse an address. If a file of this name exists, it takes precedence over a table.

    Args:
        local_files: Check for such a file.

    Raises:
        UsageError: If it is the URL of a database, or an object address has no bucket.

    Example:
        >>> parse("warehouse:raw.sales")
        Table(connection='warehouse', schema='raw', table='sales')
        >>> parse('warehouse:"raw.v1"."sales.2013"')
        Table(connection='warehouse', schema='raw.v1', table='sales.2013')
        >>> parse("s3://archive@my-bucket/2013/")
        Objects(connection='archive', bucket='my-bucket', key='2013/')
        >>> parse("lake:weather/current")
        Lake(path='weather/current')
        >>> parse("weather_api:/data/2.5/weather")
        Api(connection='weather_api', path='/data/2.5/weather')
        >>> parse("data/*.csv")
        Files(pattern='data/*.csv')
    """
    refuse_url(text)
    if text.startswith("s3://"):
        if (match := _OBJECTS.fullmatch(text)) is None:
            raise UsageError(f"no bucket in {text!r}", hint="write it as s3://bucket/key")
        return Objects(match["connection"] or OBJECTS, match["bucket"], match["key"] or "")
    if text.startswith("lake:"):
        return Lake(text.removeprefix("lake:").strip("/"))
    if (match := _API.fullmatch(text)) is not None:
        return Api(match["connection"], match["path"])
    if (match := _TABLE.fullmatch(text)) is not None and not (local_files and Path(text).exists()):
        return _table(match)
    return Files(text)


def parse_table(text: str) -> Table:
    """Parse the address of a table.

    Raises:
        UsageError: If the address is not a table.

    Example:
        >>> parse_table("warehouse:sales").schema
        'public'
    """
    refuse_url(text)
    match = _TABLE.fullmatch(text)
    if match is None:
        raise UsageError(f"invalid table address {text!r}", hint="write it as connection:schema.table")
    return _table(match)


def _table(match: re.Match[str]) -> Table:
    return Table(match["connection"], unquoted(match["schema"] or "public"), unquoted(match["table"]))


def quoted(name: str) -> str:
    """A name as it is written in an address: in double quotes if it holds a dot, a colon or a slash.

    Example:
        >>> quoted("sales"), quoted("v1.sales")
        ('sales', '"v1.sales"')
    """
    if _PLAIN.fullmatch(name):
        return name
    return '"' + name.replace('"', '""') + '"'


def unquoted(text: str) -> str:
    """The name that a part of an address means.

    Example:
        >>> unquoted('"v1.sales"'), unquoted("sales")
        ('v1.sales', 'sales')
    """
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def refuse_url(text: str) -> None:
    """Check that an address is not the URL of a database, or one with a login: addresses name connections.

    Raises:
        UsageError: If it is one; the message does not show its password.

    Example:
        >>> refuse_url("postgres://etl:secret@db/dwh")
        Traceback (most recent call last):
        penstock.model.errors.UsageError: 'postgres://***@db/dwh' is a URL, not the name of a connection
    """
    match = _URL.fullmatch(text)
    if match is not None and ("@" in text or match["scheme"].lower() in _DATABASES):
        raise UsageError(
            f"'{masked(text)}' is a URL, not the name of a connection",
            hint="give it a name with penstock connection add NAME, then write NAME:schema.table",
        )
