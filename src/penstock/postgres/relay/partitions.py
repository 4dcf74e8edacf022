"""The partitions of a new table, with the defaults, constraints and indexes that single ones have."""

from __future__ import annotations

from collections.abc import Callable

from psycopg.sql import SQL, Composable, Identifier

from penstock.model.errors import ContractError
from penstock.postgres.relay.structure import Row, Run, Structure
from penstock.postgres.select import written


class Partitions:
    """The partitions of one table to create.

    Args:
        run: Runs a statement and translates its errors.
        renamed: Returns an expression of the source with the target's names of sequences.
        free: Whether the name of an index or constraint is free in the target's schema.
    """

    def __init__(
        self,
        structure: Structure,
        run: Run,
        renamed: Callable[[str], Composable],
        free: Callable[[str], bool],
    ) -> None:
        self._structure = structure
        self._run = run
        self._renamed = renamed
        self._free = free
        self._names: dict[int, Composable] = {}

    def make(self, parent: Composable, name: Callable[[str], Composable]) -> None:
        """Create them, with what the rows need.

        Args:
            parent: The table.
            name: Returns the name of a partition, given that of the source's.

        Raises:
            ContractError: If a partition generates a column differently.
        """
        structure = self._structure
        for column in structure.partition_columns:
            if column["generated"] and column["differs"]:
                raise ContractError(
                    f"partition {column['partition']} generates column {column['name']} differently from "
                    f"{structure.schema}.{structure.table}",
                    hint="create the table yourself, or select the columns with --columns",
                )
        self._names = {structure.relation.oid: parent}
        for row in structure.partitions:
            own = self._names[row["oid"]] = name(row["name"])
            key = row["partition_key"]
            by = SQL(" PARTITION BY {}").format(written(key)) if key else SQL("")
            self._run(
                SQL("CREATE TABLE {} PARTITION OF {} {}{}").format(
                    own, self._names[row["parent"]], written(row["bound"]), by
                )
            )
        for column in structure.partition_columns:
            self._set(column)
        for row in structure.partition_constraints:
            if row["kind"] == "c" and row["valid"]:
                self._add(row)

    def finish(self) -> None:
        """Create keys and indexes of single partitions, after the rows."""
        for row in self._structure.partition_constraints:
            if row["kind"] != "c" or not row["valid"]:
                self._add(row)
        for row in self._structure.partition_indexes:
            assert row["definition"].startswith(row["head"])  # composed of the same names
            name = Identifier(row["name"]) + SQL(" ") if self._free(row["name"]) else SQL("")
            unique = SQL("UNIQUE " if row["is_unique"] else "")
            rest = written(row["definition"][len(row["head"]) :])
            self._run(SQL("CREATE {}INDEX {}ON {} {}").format(unique, name, self._names[row["oid"]], rest))

    def _set(self, column: Row) -> None:
        table, name = self._names[column["oid"]], Identifier(column["name"])
        if column["differs"]:
            what = SQL("DROP DEFAULT")
            if column["expression"] is not None:
                what = SQL("SET DEFAULT {}").format(self._renamed(column["expression"]))  # type: ignore[assignment]
            self._run(SQL("ALTER TABLE ONLY {} ALTER COLUMN {} {}").format(table, name, what))
        if column["not_null"]:
            self._run(SQL("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL").format(table, name))

    def _add(self, row: Row) -> None:
        definition = written(row["definition"])
        if row["kind"] == "c" or self._free(row["name"]):
            named = SQL("CONSTRAINT {} {}").format(Identifier(row["name"]), definition)
        else:
            named = SQL("{}").format(definition)  # its index needs a unique name
        self._run(SQL("ALTER TABLE {} ADD {}").format(self._names[row["oid"]], named))
