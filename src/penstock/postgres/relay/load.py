"""Loads a source's bytes: into the table if that is safe, else through the stage; a mirror loads only what differs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.contract import Column, Contract, Kind
from penstock.model.errors import ContractError
from penstock.ports import Loaded, SafeProgress
from penstock.postgres.connect import is_plain
from penstock.postgres.copy_in import copy_into
from penstock.postgres.create_table import declared, make_partitions
from penstock.postgres.merge import Handles, Settler
from penstock.postgres.queries import queries
from penstock.postgres.relay.column_casts import Fit, Fitted
from penstock.postgres.relay.create_table import Creation
from penstock.postgres.relay.mirror import Unequal, require_staged
from penstock.postgres.relay.source_table import Reading
from penstock.postgres.relay.stream import Flow, Poured, prove
from penstock.postgres.staging import ALL, STAGE, Shape, Statements, stage_text
from penstock.postgres.target import PostgresSession, may_go_straight, needing_stage
from penstock.postgres.validate import read_texts, reject_by_constraints, reject_outside

_SQL = queries(__package__, "mirror.sql")
_KEYS = Identifier("penstock_keys")
_AS_TIME = ("now()", "NULL", "{} IS NULL")


@dataclass(frozen=True, slots=True)
class Inflow:
    """The load of one copy.

    Args:
        reading: The source.
        handles: Whether the transaction of several tables handles an error; it also checks deferred constraints.
        staged: Rows must not go straight into the table.
    """

    session: PostgresSession
    reading: Reading
    progress: SafeProgress
    handles: Handles
    staged: bool = False

    def into_new(self, creation: Creation, table: Composable) -> tuple[Poured, Loaded]:
        """Fill a table that was created in this transaction and has no keys yet."""
        outputs = self.reading.outputs
        # One column in text format requires it for all: a COPY has one format.
        binary = all(output.field.binary for output in outputs)
        poured = self._pour(
            table,
            [output.name for output in outputs],
            [output.expression for output in outputs],
            text=not binary,
            freeze=not creation.partitioned,
        )
        return poured, Loaded(inserted=poured.rows)

    def into(self, fit: Fit, contract: Contract) -> tuple[Poured, Loaded]:
        """Load into an existing table, by the plan's mode."""
        shape = _shape(fit, contract)
        statements = self._statements(shape)
        plan = fit.match.plan
        simple = (
            not self.staged
            and may_go_straight(plan, shape)
            and not any(column.may_lack for column in fit.columns)
        )
        if simple and (not shape.key or (fit.unique and not statements.values("any_row")[0])):
            # DELETE, not TRUNCATE: concurrent readers continue to see the old rows.
            deleted = statements.run("delete", scope=ALL) if plan.mode == "replace" else 0
            with needing_stage():
                poured = self._pour(shape.target, shape.names, [column.expression for column in fit.columns])
            return poured, Loaded(inserted=poured.rows, deleted=deleted)
        return self._by_the_stage(fit, shape, statements)

    def where_unequal(self, fit: Fit, unequal: Unequal, contract: Contract) -> tuple[Poured, Loaded]:
        """Update the ranges of a table that differ from the source."""
        shape = _shape(fit, contract)
        if unequal.equal:
            return Poured(unequal.read, ""), Loaded(unchanged=unequal.read)
        statements = self._statements(shape)
        self.reading.within = unequal.condition
        poured = self._stage(fit, shape, statements)
        statement = Composed([unequal.delete_absent(fit, shape.target)])
        deleted = self.session.connection.execute(statement).rowcount
        plan = replace(fit.match.plan, mode="merge")
        loaded = Settler(statements, plan, shape, repeats=False, handles=self.handles).publish()
        loaded.deleted = deleted
        loaded.unchanged += unequal.read - poured.rows
        return Poured(unequal.read, poured.fingerprint), loaded

    def mark_absent(self, fit: Fit, contract: Contract, mark: Column) -> int:
        """Mark the rows of the table whose keys the source does not have, and unmark those that it has again.

        Args:
            mark: The column of the mark: true, or the time of the copy.

        Returns:
            The number of rows that were marked.
        """
        keys = [column for column in fit.columns if column.column.name in fit.match.key]
        connection = self.session.connection
        columns = [
            SQL("{} {}").format(
                Identifier(key.column.name), declared("text" if key.as_text else key.column.type)
            )
            for key in keys
        ]
        connection.execute(_SQL["keys"].format(columns=SQL(", ").join(columns)))
        expressions: list[Composable] = [SQL("({})::text").format(key.expression) for key in keys]
        self._pour(_KEYS, [key.column.name for key in keys], expressions, text=True)
        connection.execute(Composed([_SQL["analyze_keys"]]))
        yes, no, unmarked = ("true", "false", "{} IS NOT TRUE") if mark.kind is Kind.BOOL else _AS_TIME
        name = Identifier(mark.name)
        parts: dict[str, Composable] = {
            "target": Identifier(contract.schema, contract.table),
            "mark": name,
            "unmarked": SQL("({})").format(SQL(unmarked).format(SQL("t.{}").format(name))),
            "match": SQL(" AND ").join(map(_same_key, keys)),
        }
        found = _SQL["mark_absent"].format(now=SQL(yes), scope=self._covered(fit), **parts)
        marked = connection.execute(found).rowcount
        connection.execute(_SQL["unmark_present"].format(none=SQL(no), **parts))
        connection.execute(SQL("DROP TABLE {}").format(_KEYS))
        return marked

    def _by_the_stage(self, fit: Fit, shape: Shape, statements: Statements) -> tuple[Poured, Loaded]:
        poured = self._stage(fit, shape, statements)
        mirror = fit.match.plan.mode == "mirror"
        scope = self._covered(fit) if mirror else ALL
        settler = Settler(
            statements, fit.match.plan, shape, repeats=not fit.unique, scope=scope, handles=self.handles
        )
        loaded = settler.publish()
        if mirror:
            address = self.reading.origin.address
            require_staged(self.session.connection, self.session.oid, shape, address, scope)
        return poured, loaded

    def _covered(self, fit: Fit) -> Composable:
        """The condition on the target's rows that the filter covers.

        Raises:
            ContractError: If the target lacks the filter's column.
        """
        if self.reading.filtered is None:
            return ALL
        column, value = self.reading.filtered
        plain = {output.name: output.plain for output in self.reading.outputs}
        for target, name in fit.match.pairs:
            if plain[name] == column:
                return SQL("t.{} = {}").format(Identifier(target.name), Literal(value))
        raise ContractError(
            f"mode mirror with a filter needs the filter's column {column} at the target, unchanged",
            hint="copy the column too, or use --mode merge",
        )

    def _stage(self, fit: Fit, shape: Shape, statements: Statements) -> Poured:
        statements.run("stage")
        statements.run("number_stage", again=Literal(not fit.unique))
        poured = self._pour(STAGE, shape.names, [column.expression for column in fit.columns])
        self._judge(fit, shape, statements)
        return poured

    def _judge(self, fit: Fit, shape: Shape, statements: Statements) -> None:
        for column in fit.columns:
            if column.may_lack:
                name = column.column.name
                statements.run("reject_missing", column=Identifier(name), column_name=Literal(name))
        exact = {fitted.column.name: fitted.witness for fitted in fit.columns if fitted.witness is not None}
        read_texts(statements, shape, exact)
        statements.run("analyze")
        plan, contract = fit.match.plan, shape.contract
        if plan.interval is not None:
            reject_outside(statements, plan.interval)
        reject_by_constraints(statements, contract, set(shape.names))
        if contract.partition_column is not None:
            oid = self.session.oid
            make_partitions(self.session.connection, contract, oid, plan.partition)

    def _statements(self, shape: Shape) -> Statements:
        return Statements(
            self.session.connection,
            shape,
            run=self.session.run,
            files=[self.reading.origin.address],
            raw=stage_text(),
        )

    def _pour(
        self,
        table: Composable,
        names: list[str],
        columns: list[Composable],
        *,
        text: bool = False,
        freeze: bool = False,
    ) -> Poured:
        framed = is_plain(self.reading.connection) and is_plain(self.session.connection)
        flow = Flow(self.reading, columns, self.progress, binary=not text, framed=framed)
        with copy_into(self.session.connection, table, names, text=text, freeze=freeze) as stream:
            poured = flow.pour(stream.forward if framed else stream.send)
        prove(poured.rows, stream.rows, self.reading.origin.address)
        return poured


def _same_key(key: Fitted) -> Composable:
    column = Identifier(key.column.name)
    return SQL("k.{0} = t.{0}::text" if key.as_text else "k.{0} = t.{0}").format(column)


def _shape(fit: Fit, contract: Contract) -> Shape:
    texts = {fitted.column.name for fitted in fit.columns if fitted.as_text}
    names = {fitted.column.name for fitted in fit.columns}
    return Shape(contract, fit.match.columns, fit.match.key, as_text=texts, as_is=names - texts)
