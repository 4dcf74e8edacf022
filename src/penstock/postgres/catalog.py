"""Reads a table's contract from the system catalog."""

from __future__ import annotations

from typing import Any

from penstock.model.contract import Check, Column, Contract, ForeignKey, Kind, UniqueIndex
from penstock.model.errors import ContractError
from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries

_SQL = queries(__package__, "catalog.sql")

_KINDS = {
    "bool": Kind.BOOL,
    "int2": Kind.INT2,
    "int4": Kind.INT4,
    "int8": Kind.INT8,
    "float4": Kind.FLOAT4,
    "float8": Kind.FLOAT8,
    "numeric": Kind.NUMERIC,
    "text": Kind.TEXT,
    "varchar": Kind.TEXT,
    "bpchar": Kind.TEXT,
    "bytea": Kind.BYTEA,
    "uuid": Kind.UUID,
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMP,
    "timestamptz": Kind.TIMESTAMPTZ,
}

_TIMES = ("time", "timetz")
_GUESSED = (Kind.NUMERIC, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)

# Type modifiers are the declared length or precision plus 4.
_TYPMOD_OFFSET = 4


def locate(connection: PgConnection, schema: str, table: str) -> int | None:
    """The table's oid, or None if the table does not exist.

    Raises:
        ContractError: If it is not a table, such as a view.
    """
    row = connection.execute(_SQL["locate"], {"schema": schema, "table": table}).fetchone()
    if row is None:
        return None
    if row["relkind"] not in ("r", "p"):
        raise ContractError(f"{schema}.{table} is not a table", hint="copy into a table, not a view")
    return int(row["oid"])


def read_contract(connection: PgConnection, oid: int, schema: str, table: str) -> Contract:
    """The table's contract."""

    def rows(name: str) -> list[dict[str, Any]]:
        return connection.execute(_SQL[name], {"oid": oid}).fetchall()

    uniques = rows("uniques")
    keys = [unique["plain"] for unique in uniques if unique["is_primary"]]
    partitioning = rows("partitioning")
    kind = connection.execute(_SQL["locate"], {"schema": schema, "table": table}).fetchone()
    return Contract(
        schema=schema,
        table=table,
        columns=tuple(_column(row) for row in rows("columns")),
        primary_key=tuple(keys[0]) if keys else (),
        indexes=tuple(map(_unique_index, uniques)),
        checks=tuple(Check(name=row["name"], expression=row["expression"]) for row in rows("checks")),
        foreign_keys=tuple(
            ForeignKey(
                name=row["name"],
                columns=tuple(row["columns"]),
                schema=row["schema"],
                table=row["table"],
                referred=tuple(row["referred"]),
            )
            for row in rows("foreign_keys")
        ),
        partitioned=kind is not None and kind["relkind"] == "p",
        hides_rows=kind is not None and kind["hides_rows"],
        partition_column=partitioning[0]["name"] if partitioning else None,
    )


def _unique_index(row: dict[str, Any]) -> UniqueIndex:
    used = [name for name in row["used"] if name not in row["plain"]]
    return UniqueIndex(
        name=row["name"],
        values=tuple(row["values"]),
        columns=(*row["plain"], *used),
        predicate=row["predicate"],
        plain=not row["of_expression"],
        nulls_equal=row["nulls_equal"],
        deferrable=row["deferrable"],
    )


def _column(row: dict[str, Any]) -> Column:
    # Domains, enums, ranges and similar types have their own rules: the server parses them.
    kind = _KINDS.get(row["base"], Kind.OTHER) if row["typtype"] == "b" else Kind.OTHER
    precision, scale = _digits(row["base"], row["typmod"])
    return Column(
        name=row["name"],
        type=row["type"],
        kind=kind,
        nullable=row["nullable"],
        has_default=row["has_default"],
        always=row["always"],
        length=row["typmod"] - _TYPMOD_OFFSET if kind is Kind.TEXT and row["typmod"] >= 0 else None,
        precision=precision,
        scale=scale,
        base=_base(row),
    )


def _base(row: dict[str, Any]) -> Column | None:
    """The type that a domain is made of, if the server would round its values or guess them."""
    name = row["domain_base"]
    kind = _KINDS.get(name, Kind.OTHER)
    if kind not in _GUESSED and name not in _TIMES:
        return None
    precision, scale = _digits(name, row["domain_typmod"])
    return Column(name=row["name"], type=row["domain_type"], kind=kind, precision=precision, scale=scale)


def _digits(type_name: str, typmod: int) -> tuple[int | None, int | None]:
    """Precision and scale."""
    if typmod < 0:
        return None, None
    if type_name == "numeric":
        return (typmod - _TYPMOD_OFFSET) >> 16, _scale(typmod - _TYPMOD_OFFSET)
    return (typmod if type_name in (*_TIMES, "timestamp", "timestamptz") else None), None


def _scale(typmod: int) -> int:
    # Eleven bits, signed since PostgreSQL 15.
    bits = typmod & 0x7FF
    return bits - 0x800 if bits >= 0x400 else bits
