"""Creates a table like that of another server: first what the rows need, and the rest after them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Listed
from dataclasses import replace
from functools import partial
from itertools import chain, count
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.errors import ContractError
from penstock.postgres.catalog import locate
from penstock.postgres.connect import PgConnection
from penstock.postgres.create_table import make_schema
from penstock.postgres.queries import queries
from penstock.postgres.relay.ends import Place
from penstock.postgres.relay.partitions import Partitions
from penstock.postgres.relay.sequences import Sequence, align
from penstock.postgres.relay.structure import Field, Output, Row, Structure, make_type
from penstock.postgres.select import written

_SQL = queries(__package__, "structure.sql")
_VIRTUAL = 180000  # virtual generated columns
_NOT_NULL_NOT_VALID = 180000


NAME_BYTES = 63  # the server cuts longer names


def cut(name: str, ending: str = "") -> str:
    """A name with this ending, of at most 63 bytes.

    Example:
        >>> cut("x" * 70, "1") == "x" * 62 + "1", cut("short")
        (True, 'short')
    """
    return name.encode()[: NAME_BYTES - len(ending)].decode(errors="ignore") + ending


class Creation:
    """One table to create, in the transaction that fills it.

    Args:
        outputs: The columns of the copy. Generated columns of the structure are included if all columns are copied.
        structure: The source's definition; None for the columns of a query.
        key: Primary key if the structure has none.
    """

    def __init__(
        self,
        connection: PgConnection,
        place: Place,
        outputs: Listed[Output],
        structure: Structure | None,
        key: Listed[str] = (),
    ) -> None:
        self._connection = connection
        self._place = place
        self._structure = structure
        self._key = key
        # Where expressions of the source name a sequence: the target's.
        self._sequences: dict[str, Identifier] = {}
        self._owned: dict[str, Identifier] = {}
        self._final = place.table
        self._partitions: Partitions | None = None
        self._fields = [(output.name, output.field, output.plain) for output in outputs]
        if structure is not None:
            own = {output.plain for output in outputs}
            written_all = {field.name for field in structure.fields if not field.generated} <= own
            if written_all:
                self._fields += [(f.name, f, f.name) for f in structure.fields if f.generated]
        # Constraints refer to the source's column names, so they apply only to columns that keep their names.
        self._kept = {name for name, _, plain in self._fields if plain == name}

    # -- before the rows

    def begin(self, connection: PgConnection | None = None, under: str | None = None) -> None:
        """Create the table with the constraints on rows, but without keys and indexes.

        Args:
            connection: A connection other than the one that will finish the table.
            under: A temporary name of the table.

        Raises:
            ContractError: If the target does not support one of the columns.
        """
        own, place = self._connection, self._place
        self._connection = connection or own
        self._place = place if under is None else replace(place, table=under)
        self._final = place.table
        try:
            self._make()
        finally:
            self._connection, self._place = own, place

    def _make(self) -> None:
        make_schema(self._connection, self._place.schema, self._run)
        structure = self._structure
        if structure is not None:
            brought = {plain for _, _, plain in self._fields}
            for row in structure.types:
                if not brought.isdisjoint(row["columns"]):
                    make_type(self._connection, self._run, row)
            for sequence in structure.sequences:
                self._make_sequence(structure, sequence)
        items = [self._column(name, field, plain) for name, field, plain in self._ordered()]
        items += [self._constraint(row) for row in self._constraints("c") if row["valid"]]
        by = self._partitioning()
        self._run(SQL("CREATE TABLE {} ({}){}").format(self._place.name, SQL(", ").join(items), by))
        if structure is not None:
            if self.partitioned:
                self._partitions = Partitions(
                    structure, self._run, self._renamed, lambda name: not self._is_taken(name)
                )
                self._partitions.make(self._place.name, partial(self._partition_name, structure))
            self._own_sequences()
            self._comment(structure)

    @property
    def partitioned(self) -> bool:
        """Whether the new table is partitioned like the source."""
        structure = self._structure
        return structure is not None and structure.relation.kind == "p" and self._is_whole(structure)

    def _is_whole(self, structure: Structure) -> bool:
        return {field.name for field in structure.fields} <= self._kept

    def _ordered(self) -> Iterable[tuple[str, Field, str | None]]:
        if self._structure is None:
            return self._fields
        order = {field.name: place for place, field in enumerate(self._structure.fields)}
        return sorted(self._fields, key=lambda item: order.get(item[2] or "", len(order)))

    def _column(self, name: str, field: Field, plain: str | None) -> Composable:
        parts: list[Composable] = [Identifier(name), written(field.type)]
        if field.collation:
            parts.append(SQL("COLLATE {}").format(written(field.collation)))
        if plain is not None:
            parts += self._rules(field)
        return SQL(" ").join(parts)

    def _rules(self, field: Field) -> list[Composable]:
        rules: list[Composable] = []
        if field.generated and field.expression is not None:
            virtual = field.generated == "v" and self._connection.info.server_version >= _VIRTUAL
            kind = SQL("VIRTUAL" if virtual else "STORED")
            rules.append(SQL("GENERATED ALWAYS AS ({}) {}").format(written(field.expression), kind))
        elif field.identity:
            kind = SQL("ALWAYS" if field.identity == "a" else "BY DEFAULT")
            options = self._identity_options(field)
            rules.append(SQL("GENERATED {} AS IDENTITY ({})").format(kind, options))
        elif field.expression is not None:
            rules.append(SQL("DEFAULT {}").format(self._renamed(field.expression)))
        if field.not_null:
            rules.append(SQL("NOT NULL"))
        return rules

    def _partitioning(self) -> Composable:
        structure = self._structure
        if structure is None or not self.partitioned or structure.relation.partition_key is None:
            return SQL("")
        return SQL(" PARTITION BY {}").format(written(structure.relation.partition_key))

    def _partition_name(self, structure: Structure, own: str) -> Composable:
        if own.startswith(structure.table):
            own = self._place.table + own[len(structure.table) :]
            own = own if len(own.encode()) <= NAME_BYTES else self._free(own)
        return Identifier(self._place.schema, own)

    # -- sequences

    def _identity_options(self, field: Field) -> Composable:
        found = () if self._structure is None else self._structure.sequences
        return next(each.options for each in found if each.row["identity"] and each.column == field.name)

    def _make_sequence(self, structure: Structure, sequence: Sequence) -> None:
        """Create a sequence that a column owns or uses; one that no column owns may be there already."""
        row = sequence.row
        if sequence.column not in self._kept or row["identity"]:
            return
        if row["owned"]:  # it must be in the schema of its table
            same = self._final == structure.table
            stem = row["name"] if same else f"{self._final}_{sequence.column}_seq"
            name = self._owned[sequence.column] = Identifier(self._place.schema, self._free(stem))
        else:
            schema = self._place.schema if row["schema"] == structure.schema else row["schema"]
            name = Identifier(schema, row["name"])
            make_schema(self._connection, schema, self._run)
        if row["owned"] or not self._is_taken(row["name"], schema):
            self._run(sequence.create(name))
        self._sequences[row["constant"]] = name

    def _renamed(self, expression: str) -> Composable:
        """An expression with the target's names of sequences."""
        for constant, name in self._sequences.items():
            own = f"{Literal(name.as_string(self._connection)).as_string(self._connection)}::regclass"
            expression = expression.replace(constant, own)
        return written(expression)

    def _free(self, stem: str) -> str:
        """A name that is not taken, of at most 63 bytes."""
        names = (cut(stem, ending) for ending in chain(("",), map(str, count(1))))
        return next(name for name in names if name != cut(self._final) and not self._is_taken(name))

    def _own_sequences(self) -> None:
        """Make the sequences of serial columns owned by them, so that they are dropped with the table."""
        for name, sequence in self._owned.items():
            column = Identifier(self._place.schema, self._place.table, name)
            self._run(SQL("ALTER SEQUENCE {} OWNED BY {}").format(sequence, column))

    # -- after the rows

    def finish(self) -> None:
        """Create keys and indexes, and set sequences to the values of the source's.

        Raises:
            ContractError: If a key is not unique.
        """
        self._run(SQL("SET LOCAL max_parallel_maintenance_workers = 4"))
        kinds = self._constraints("p"), self._constraints("u"), self._constraints("x")
        for row in (*kinds[0], *kinds[1], *kinds[2]):
            self._add_constraint(row)
        late = self._constraints("c")
        if self._connection.info.server_version >= _NOT_NULL_NOT_VALID:
            late += self._constraints("n")
        for row in late:
            if not row["valid"]:
                self._add_constraint(row)
        if self._key and not kinds[0]:
            columns = SQL(", ").join(map(Identifier, self._key))
            self._run(SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(self._place.name, columns))
        if self._structure is not None:
            for row in self._structure.indexes:
                self._index(row)
            if self._partitions is not None:
                self._partitions.finish()
            self._set_sequences(self._structure)

    def _constraints(self, kind: str) -> list[Row]:
        if self._structure is None:
            return []
        return [
            row
            for row in self._structure.constraints
            if row["kind"] == kind
            and set(row["columns"]) <= self._kept
            # The columns of a constraint over expressions are unknown, so it needs all columns.
            and (not row["of_expression"] or self._is_whole(self._structure))
        ]

    def _constraint(self, row: Row) -> Composable:
        return SQL("CONSTRAINT {} {}").format(Identifier(row["name"]), written(row["definition"]))

    def _add_constraint(self, row: Row) -> None:
        definition = self._constraint(row)
        if row["kind"] in ("p", "u", "x") and self._is_taken(row["name"]):
            definition = written(row["definition"])  # its index needs a unique name
        self._run(SQL("ALTER TABLE {} ADD {}").format(self._place.name, definition))

    def _index(self, row: Row) -> None:
        assert self._structure is not None  # creates its indexes
        if not set(row["columns"]) <= self._kept:
            return
        if row["of_expression"] and not self._is_whole(self._structure):
            return
        assert row["definition"].startswith(row["head"])  # composed of the same names
        name = SQL("") if self._is_taken(row["name"]) else Identifier(row["name"]) + SQL(" ")
        unique = SQL("UNIQUE " if row["is_unique"] else "")
        rest = written(row["definition"][len(row["head"]) :])
        self._run(SQL("CREATE {}INDEX {}ON {} {}").format(unique, name, self._place.name, rest))

    def _is_taken(self, name: str, schema: str | None = None) -> bool:
        row = self._connection.execute(
            "SELECT to_regclass(format('%%I.%%I', %s::text, %s::text)) AS oid",
            [schema or self._place.schema, cut(name)],
        ).fetchone()
        return row is not None and row["oid"] is not None

    def _set_sequences(self, structure: Structure) -> None:
        sequences = {each.column: each for each in structure.sequences if each.column in self._kept}
        if not sequences:
            return
        oid = locate(self._connection, self._place.schema, self._place.table)
        assert oid is not None  # it was created
        align(self._connection, oid, self._place.name, sequences, new=True)

    def _comment(self, structure: Structure) -> None:
        if structure.relation.comment is not None:
            self._run(
                SQL("COMMENT ON TABLE {} IS {}").format(self._place.name, Literal(structure.relation.comment))
            )
        for name, field, _ in self._fields:
            if field.comment is not None:
                column = Identifier(self._place.schema, self._place.table, name)
                self._run(SQL("COMMENT ON COLUMN {} IS {}").format(column, Literal(field.comment)))

    def _run(self, statement: Composable) -> None:
        try:
            self._connection.execute(Composed([statement]))
        except (psycopg.ProgrammingError, psycopg.NotSupportedError, psycopg.IntegrityError) as error:
            raise self._explained(error) from None

    def _explained(self, error: psycopg.Error) -> Exception:
        said: Any = error.diag
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return error
        detail = f" ({said.message_detail})" if said.message_detail else ""
        return ContractError(
            f"cannot make {self._place.schema}.{self._place.table}: {said.message_primary}{detail}",
            hint="create the table yourself, or select or cast columns with --columns and --column",
        )
