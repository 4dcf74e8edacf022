"""Creates missing user-defined types: enums, domains, composites."""

from __future__ import annotations

from collections.abc import Callable

from psycopg.sql import SQL, Composable, Literal

from penstock.model.errors import ContractError
from penstock.postgres.connect import PgConnection
from penstock.postgres.relay.structure import Row
from penstock.postgres.schemas import make_schema
from penstock.postgres.select import written

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
        case _:
            raise ContractError(
                f"the target lacks the type {row['full_name']}",
                hint="create it there, or copy the column as text: --column name=name::text",
            )
