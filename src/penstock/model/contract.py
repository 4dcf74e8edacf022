"""The contract of a target table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Literal

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[\W_]+")


class Kind(Enum):
    """Families of column types that the cleaner converts itself. ``OTHER`` is sent to the server as text."""

    BOOL = "bool"
    INT2 = "int2"
    INT4 = "int4"
    INT8 = "int8"
    FLOAT4 = "float4"
    FLOAT8 = "float8"
    NUMERIC = "numeric"
    TEXT = "text"
    BYTEA = "bytea"
    UUID = "uuid"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a target table.

    Args:
        type: The type as the server writes it, such as ``numeric(12,2)``.
        length: Greatest number of characters of a ``varchar(n)`` or ``char(n)``.
        precision: Total digits of a ``numeric(p,s)``, fraction digits of a ``timestamp(p)`` or ``time(p)``; None if
            unlimited.
        scale: Digits after the decimal point.
        has_default: The server can fill it (default, identity).
        always: ``GENERATED ALWAYS AS IDENTITY``.
        base: Of a domain: the type it is made of, if the server would round its values or guess them.
    """

    name: str
    type: str
    kind: Kind
    nullable: bool = True
    has_default: bool = False
    always: bool = False
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    base: Column | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A CHECK constraint: a row passes if the SQL expression is true or null."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key: the values must exist in another table, unless one of them is null."""

    name: str
    columns: tuple[str, ...]
    schema: str
    table: str
    referred: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueIndex:
    """A unique index.

    Args:
        name: Its name, which is also that of its constraint.
        values: The SQL of its columns or expressions, with unqualified column names.
        columns: Names of the columns that the values and the predicate use.
        predicate: The SQL condition of a partial index.
        plain: The values are columns.
        nulls_equal: Nulls are equal values (``NULLS NOT DISTINCT``).
        deferrable: The name of its deferrable constraint, quoted.
    """

    name: str = ""
    values: tuple[str, ...]
    columns: tuple[str, ...]
    predicate: str | None = None
    plain: bool = True
    nulls_equal: bool = False
    deferrable: str | None = None

    @property
    def is_total(self) -> bool:
        """Whether it is over columns and all rows."""
        return self.plain and self.predicate is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A table as its catalog describes it, without generated columns, which cannot be written.

    Args:
        indexes: Its unique indexes, the primary key first.
        partition_column: The date or timestamp column of the table's range partitions, if any.
        hides_rows: Row security applies to this login, so rows are loaded by INSERT instead of COPY.
    """

    schema: str
    table: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    indexes: tuple[UniqueIndex, ...] = ()
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    partitioned: bool = False
    partition_column: str | None = None
    hides_rows: bool = False

    @property
    def uniques(self) -> tuple[tuple[str, ...], ...]:
        """Sets of columns with a unique index over all rows, the primary key first."""
        return tuple(index.columns for index in self.indexes if index.is_total)

    def column(self, name: str) -> Column:
        """The column of this name. Raises KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a table's definition that a copy makes, because its source has changed.

    Args:
        kind: ``add`` a column, ``widen`` its type, ``relax`` its NOT NULL, or ``drop`` it.
        type: The new type.
        before: The type before.
        collation: The collation of a new column, if it is not the type's.
        comment: The comment of a new column.

    Example:
        >>> str(Change(kind="widen", column="id", before="integer", type="bigint"))
        'widened column id from integer to bigint'
    """

    kind: Literal["add", "widen", "relax", "drop"]
    column: str
    type: str = ""
    before: str = ""
    collation: str | None = None
    comment: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "add":
                return f"added column {self.column} {self.type}"
            case "widen":
                return f"widened column {self.column} from {self.before} to {self.type}"
            case "relax":
                return f"dropped NOT NULL of column {self.column}"
            case _:
                return f"dropped column {self.column}"


def snake_case(name: str) -> str:
    """A column name in snake case.

    Example:
        >>> [snake_case(name) for name in ("SaleID", "Ship Mode", "dep_time", "HTTPStatus")]
        ['sale_id', 'ship_mode', 'dep_time', 'http_status']
    """
    return _OTHER.sub("_", _CAMEL.sub("_", name.strip())).strip("_").lower() or "column"
