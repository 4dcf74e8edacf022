"""Foreign keys at the target between the tables of one transaction, which is checked when all rows are there.

A key that is checked statement by statement makes some states unreachable: a deleted parent whose children are
updated later, or rows of a cycle. So deferrable keys are deferred. A key that is not deferrable is left alone until a
row violates it; then the transaction starts again with the key made deferrable, which it stays. ``RESTRICT``, and
``SET NULL`` of a NOT NULL column, cannot be deferred, so such a key is dropped for the copy, and added again
in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Identifier

from penstock.model.connection import Connection
from penstock.model.contract import Contract
from penstock.model.errors import ContractError, TargetError
from penstock.postgres.connect import PgConnection, connect, refused
from penstock.postgres.queries import queries
from penstock.postgres.relay.ends import Place
from penstock.postgres.relay.structure import qualified
from penstock.postgres.select import written

_SQL = queries(__package__, "schema.sql")

_VIOLATIONS = (psycopg.errors.ForeignKeyViolation, psycopg.errors.RestrictViolation)
# What keys that are not deferred may cause.
TRANSIENT = (*_VIOLATIONS, psycopg.errors.NotNullViolation)


class Links:
    """The foreign keys of the target between these tables.

    Args:
        places: The tables, in the order in which they are copied.
    """

    def __init__(self, connection: PgConnection, places: Sequence[Place]) -> None:
        self._connection = connection
        self._places = [(place.schema, place.table) for place in places]
        with qualified(connection):
            tables = {"schemas": [s for s, _ in self._places], "tables": [t for _, t in self._places]}
            self._keys = connection.execute(_SQL["links"], tables).fetchall()
        self._dropped: list[dict[str, Any]] = []
        self._suspended = False

    @property
    def circular(self) -> bool:
        """Whether a key refers to a table that is copied later."""
        return any(self._place(key, "referred_root") > self._place(key, "root") for key in self._keys)

    def lets_go(self, place: Place) -> bool:
        """Whether deleting rows of another table deletes rows of this one (``ON DELETE CASCADE``)."""
        own = (place.schema, place.table)
        return any(
            key["cascades"] and (key["root_schema"], key["root"]) == own
            and (key["referred_root_schema"], key["referred_root"]) != own
            for key in self._keys
        )  # fmt: skip

    def _place(self, key: dict[str, Any], side: str) -> int:
        return self._places.index((key[f"{side}_schema"], key[side]))

    def handles(self, error: psycopg.Error) -> bool:
        """Whether this error ends the attempt, and :meth:`suspend` allows another one."""
        return isinstance(error, TRANSIENT) and not self._suspended and bool(self._fixed)

    @property
    def _fixed(self) -> list[dict[str, Any]]:
        return [key for key in self._keys if key["immediate"] or not key["deferrable"]]

    def known(self, contract: Contract) -> Contract:
        """The contract without the keys that refer to tables that are copied later: they are checked at the end."""
        own = (contract.schema, contract.table)
        later = set(self._places[self._places.index(own) + 1 :])
        keys = tuple(key for key in contract.foreign_keys if (key.schema, key.table) not in later)
        return replace(contract, foreign_keys=keys)

    def defer(self) -> None:
        """Check deferrable constraints at the end."""
        self._connection.execute("SET CONSTRAINTS ALL DEFERRED")

    def suspend(self) -> bool:
        """Make all keys deferrable; returns whether any was not.

        Raises:
            TargetError: If the login may not.
        """
        self._suspended = True
        for key in self._fixed:
            if not key["owned"]:
                raise TargetError(
                    f"foreign key {key['name']} of {key['schema']}.{key['table']} is checked row by row, "
                    "and the rows are valid only together",
                    hint=f"use the owner of the table, or as its owner: ALTER TABLE {key['schema']}.{key['table']} "
                    f"ALTER CONSTRAINT {key['name']} DEFERRABLE (and NO ACTION instead of RESTRICT)",
                )
            table, name = Identifier(key["schema"], key["table"]), Identifier(key["name"])
            if key["immediate"]:
                self._dropped.append(key)
                change = SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            else:
                change = SQL("ALTER TABLE {} ALTER CONSTRAINT {} DEFERRABLE INITIALLY IMMEDIATE")
            self._connection.execute(change.format(table, name))
        return bool(self._fixed)

    def restore(self) -> None:
        """Check all rows, and add what was dropped."""
        self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for key in self._dropped:
            self._connection.execute(
                SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                    Identifier(key["schema"], key["table"]),
                    Identifier(key["name"]),
                    written(key["definition"]),
                )
            )


def violated(error: psycopg.Error) -> ContractError:
    """The error for rows that violate a foreign key when all rows are there."""
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    return ContractError(
        f"{error.diag.message_primary}{detail}",
        hint="nothing was changed; the row it refers to was rejected, is filtered out, or belongs to a table that "
        "is not copied",
    )


@contextmanager
def explained() -> Iterator[None]:
    """Translate violations of foreign keys within this block."""
    try:
        yield
    except _VIOLATIONS as error:
        raise violated(error) from None


def read_references(target: Connection, schema: str) -> list[dict[str, Any]]:
    """The foreign keys between the tables of a schema of the target.

    Raises:
        TargetError: If they cannot be read.
    """
    with connect(target) as connection:
        try:
            with connection.transaction(), qualified(connection):
                return connection.execute(_SQL["references"], {"schema": schema}).fetchall()
        except psycopg.Error as error:
            raise refused(error, f"reading {target.name}:{schema}") from None


def add_references(
    target: Connection, schema: str, references: Iterable[dict[str, Any]], made: set[str]
) -> None:
    """Add the source's foreign keys where the target lacks them.

    Args:
        made: Names of the tables that were copied.

    Raises:
        ContractError: If a row violates a foreign key.
    """
    with connect(target) as connection:
        try:
            with connection.transaction():
                for row in references:
                    if row["root"] in made and _is_wanted(connection, schema, row):
                        connection.execute(_addition(schema, row))
        except psycopg.errors.ForeignKeyViolation as error:
            raise ContractError(
                f"the rows are copied, but {error.diag.message_primary} ({error.diag.message_detail})",
                hint="the row it refers to was rejected or deleted at the target; fix it and run the copy again",
            ) from None
        except psycopg.Error as error:
            raise refused(error, f"adding foreign keys to {target.name}:{schema}") from None


def _addition(schema: str, row: dict[str, Any]) -> Any:
    here: Composable = SQL(" REFERENCES {}(").format(Identifier(schema, row["referred"]))
    before, _, after = row["definition"].partition(row["head"])
    return SQL("ALTER TABLE {} ADD CONSTRAINT {} {}{}{}").format(
        Identifier(schema, row["table"]), Identifier(row["name"]), written(before), here, written(after)
    )


def _is_wanted(connection: PgConnection, schema: str, row: dict[str, Any]) -> bool:
    values = {"schema": schema, "table": row["table"], "name": row["name"], "referred": row["referred"]}
    found = connection.execute(_SQL["is_wanted"], values).fetchone()
    return found is not None and found["wanted"]
