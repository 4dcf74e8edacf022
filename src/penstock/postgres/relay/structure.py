"""The structure of a table on another server, from its catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL, Composable, Literal

from penstock.model.errors import ContractError
from penstock.postgres.connect import PgConnection
from penstock.postgres.create_table import make_schema
from penstock.postgres.queries import queries
from penstock.postgres.relay.sequences import Sequence, read_sequences
from penstock.postgres.select import written

_SQL = queries(__package__, "structure.sql")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Basic properties of a table or view.

    Args:
        kind: ``r`` table, ``p`` partitioned table, ``v`` view, ``m`` materialized view, ``f`` foreign table.
        pages: Its size in pages of 8 kB, as of the last vacuum.
        heap: Rows are in numbered pages, which can be read in ranges.
    """

    oid: int
    kind: str
    has_children: bool
    pages: int
    partition_key: str | None
    comment: str | None
    readable: bool
    heap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column of a source: of a table, or of a query's result.

    Args:
        type: The type as the server writes it, with its schema if user-defined.
        binary: Its binary format is portable between servers.
        expression: The expression of its default or generation.
    """

    name: str
    type: str
    binary: bool
    not_null: bool = False
    identity: str = ""
    generated: str = ""
    expression: str | None = None
    comment: str | None = None
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One column that the source sends.

    Args:
        expression: Its SQL expression at the source.
        field: Its type and other properties.
        plain: The unchanged column of the source; None if it is computed.
    """

    name: str
    expression: Composable
    field: Field
    plain: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A table's definition; rows of the catalog have the column names of ``structure.sql``."""

    schema: str
    table: str
    relation: Relation
    fields: tuple[Field, ...]
    constraints: tuple[Row, ...] = ()
    foreign_keys: tuple[Row, ...] = ()
    indexes: tuple[Row, ...] = ()
    partitions: tuple[Row, ...] = ()
    partition_columns: tuple[Row, ...] = ()
    partition_constraints: tuple[Row, ...] = ()
    partition_indexes: tuple[Row, ...] = ()
    types: tuple[Row, ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()
    primary_key: tuple[str, ...] = ()
    sequences: tuple[Sequence, ...] = ()


@contextmanager
def qualified(connection: PgConnection) -> Iterator[None]:
    """Within this block the server qualifies every name with its schema."""
    row = connection.execute("SELECT current_setting('search_path') AS path").fetchone()
    assert row is not None  # a setting always exists
    connection.execute("SELECT set_config('search_path', '', true)")
    yield
    connection.execute("SELECT set_config('search_path', %s, true)", [row["path"]])


def find_relation(connection: PgConnection, schema: str, table: str) -> Relation | None:
    """The table or view of this name."""
    row = connection.execute(_SQL["relation"], {"schema": schema, "table": table}).fetchone()
    return None if row is None else Relation(**row)


def read_structure(connection: PgConnection, schema: str, table: str, relation: Relation) -> Structure:
    """The definition needed to create the same table elsewhere. Call it within :func:`qualified`."""

    def rows(name: str) -> tuple[Row, ...]:
        return tuple(connection.execute(_SQL[name], {"oid": relation.oid}).fetchall())

    def parts(name: str) -> tuple[Row, ...]:
        return rows(name) if relation.kind == "p" else ()

    uniques = rows("uniques")
    keys = [tuple(unique["columns"]) for unique in uniques if unique["is_primary"]]
    return Structure(
        schema=schema,
        table=table,
        relation=relation,
        fields=tuple(_field(row) for row in rows("columns")),
        constraints=rows("constraints"),
        foreign_keys=rows("foreign_keys"),
        indexes=rows("indexes"),
        partitions=parts("partitions"),
        partition_columns=parts("partition_columns"),
        partition_constraints=parts("partition_constraints"),
        partition_indexes=parts("partition_indexes"),
        types=rows("types"),
        uniques=tuple(tuple(unique["columns"]) for unique in uniques),
        primary_key=keys[0] if keys else (),
        sequences=read_sequences(connection, relation.oid),
    )


def describe(connection: PgConnection, types: list[tuple[str, int, int]]) -> tuple[Field, ...]:
    """The columns of a query's result, from their names, type numbers and modifiers."""
    rows = connection.execute(
        _SQL["describe"], {"types": [t for _, t, _ in types], "typmods": [m for _, _, m in types]}
    ).fetchall()
    return tuple(
        Field(name=name, type=row["type"], binary=row["binary"])
        for (name, _, _), row in zip(types, rows, strict=True)
    )


def column_types(connection: PgConnection, oid: int) -> dict[str, tuple[str, bool]]:
    """The type of each column of a table, and whether it is user-defined. Call it within :func:`qualified`."""
    rows = connection.execute(_SQL["column_types"], {"oid": oid})
    return {row["name"]: (row["type"], row["own"]) for row in rows}


def _field(row: Row) -> Field:
    return Field(
        name=row["name"],
        type=row["type"],
        binary=row["binary"],
        not_null=row["not_null"],
        identity=row["identity"],
        generated=row["generated"],
        expression=row["expression"],
        comment=row["comment"],
        collation=row["collation"],
    )


Run = Callable[[Composable], None]


def make_type(connection: PgConnection, run: Run, row: Row) -> None:
    """Create a type if it is missing.

    Args:
        run: Runs a statement and translates its errors.

    Raises:
        ContractError: If it cannot be created, such as a type of an extension.
    """
    there = connection.execute("SELECT to_regtype(%s) AS there", [row["full_name"]]).fetchone()
    if there is not None and there["there"] is not None:
        return
    if row["extension"]:
        raise ContractError(
            f"the target lacks the type {row['full_name']}",
            hint=f"CREATE EXTENSION {row['extension']} in the target database",
        )
    name = written(row["full_name"])
    make_schema(connection, row["schema"], run)
    match row["kind"]:
        case "e":
            labels = SQL(", ").join(map(Literal, row["labels"]))
            run(SQL("CREATE TYPE {} AS ENUM ({})").format(name, labels))
        case "d":
            parts: list[Composable] = [SQL("CREATE DOMAIN {} AS {}").format(name, written(row["base"]))]
            if row["default"] is not None:
                parts.append(SQL("DEFAULT {}").format(written(row["default"])))
            if row["not_null"]:
                parts.append(SQL("NOT NULL"))
            parts += [written(check) for check in row["checks"]]
            run(SQL(" ").join(parts))
        case "c":
            fields = SQL(", ").join(map(written, row["fields"]))
            run(SQL("CREATE TYPE {} AS ({})").format(name, fields))
        case "r":
            run(SQL("CREATE TYPE {} AS RANGE ({})").format(name, written(row["range"])))
        case _:
            raise ContractError(
                f"the target lacks the type {row['full_name']}",
                hint="create it there, or copy the column as text: --column name=name::text",
            )
