"""Merges staged rows into the table: resolves rows with equal keys, then changes as little as the mode requires."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.model.plan import CopyPlan, Interval
from penstock.ports import Loaded
from penstock.postgres.conflicts import Conflicts
from penstock.postgres.moves import Moves
from penstock.postgres.row_errors import Action, RowError, RowErrors, is_row_error
from penstock.postgres.staging import ALL, STAGE, Shape, Statements, match, names

Handles = Callable[[psycopg.Error], bool]

_SETTLING = Identifier("penstock_settling")
_WRITING = Identifier("penstock_writing")
_UNIQUE = "23505"
_FOREIGN_KEY = "23503"


class Settler:
    """Merges the stage of one copy, in its transaction.

    Args:
        repeats: Whether any staged row may repeat a key.
        scope: The condition on the rows ``t`` of the table that a mirror covers.
        handles: Whether the caller handles an error of the rows; it then also checks deferred constraints.
    """

    def __init__(
        self,
        statements: Statements,
        plan: CopyPlan,
        shape: Shape,
        *,
        repeats: bool,
        scope: Composable = ALL,
        handles: Handles | None = None,
    ) -> None:
        self._statements = statements
        self._plan = plan
        self._shape = shape
        self._key = shape.key
        self._repeats = repeats
        self._scope = scope
        self._handles = handles
        self._moves = Moves(statements, shape)
        self._conflicts = self._new_conflicts()
        self._errors = RowErrors(statements, plan.max_rejects)
        self._loaded = Loaded()

    def append_rest(self, loaded: int) -> Loaded:
        """Merge the staged rows after the others, ``loaded`` of them, were copied directly into the empty table."""
        self._loaded.inserted = loaded
        if self._repeats:
            self._statements.run("analyze")
            self._conflicts.settle(ALL)
            self._loaded.duplicates = self._conflicts.duplicates
            self._loaded.inserted += self._statements.run("insert")
        return self._loaded

    def publish(self) -> Loaded:
        """Merge all staged rows by the plan's mode.

        Rows that make the server fail are rejected, and the others are merged as if these did not exist.

        Raises:
            psycopg.Error: If the server fails for another reason.
        """
        while True:
            # No savepoint is released: the ledger's row has to be of the same subtransaction as the rows.
            self._statements.run("savepoint", name=_SETTLING)
            self._loaded, self._conflicts = Loaded(), self._new_conflicts()
            try:
                self._publish()
            except _RowsFailed as failed:
                self._statements.run("roll_back", name=_SETTLING)
                self._errors.reject(failed.errors)
            else:
                self._loaded.duplicates = self._conflicts.duplicates
                return self._loaded

    def _new_conflicts(self) -> Conflicts:
        return Conflicts(self._statements, self._plan, self._shape, repeats=self._repeats)

    def _publish(self) -> None:
        match self._plan.mode:
            case "append":
                self._conflicts.settle(ALL)
                self._write(self._insert)
            case "replace" | "mirror":
                self._conflicts.settle(self._outside())
                self._replace(self._scope)
            case "interval":
                assert self._plan.interval is not None  # guaranteed by the plan for this mode
                self._replace_interval(self._plan.interval)
            case "merge":
                self._merge()

    def _write(self, action: Action) -> None:
        """Write the staged rows.

        Raises:
            _RowsFailed: With the rows that the server refuses; nothing was written.
        """
        self._statements.run("savepoint", name=_WRITING)
        try:
            action(STAGE)
            if self._handles is None:
                self._statements.run("check_deferred")
        except psycopg.Error as error:
            if not is_row_error(error) or (self._handles is not None and self._handles(error)):
                raise
            self._statements.run("roll_back", name=_WRITING)
            raise _RowsFailed(self._errors.find(action, error, self._is_doubtful)) from None

    def _is_doubtful(self, error: psycopg.Error) -> bool:
        """Whether a row may fail only because others of this copy are not written yet."""
        contract, name = self._shape.contract, error.diag.constraint_name
        if error.sqlstate == _UNIQUE:
            return contract.partitioned or name in {index.name for index in self._shape.other_indexes}
        own = {
            key.name
            for key in contract.foreign_keys
            if (key.schema, key.table) == (contract.schema, contract.table)
        }
        return error.sqlstate == _FOREIGN_KEY and (name in own or (contract.partitioned and bool(own)))

    def _insert(self, rows: Composable) -> None:
        self._loaded.inserted = self._statements.run("insert", rows=rows)

    # -- the modes

    def _outside(self) -> Composable | None:
        """The condition on rows ``t`` that a mirror does not cover and no staged row replaces; None for none."""
        if self._scope is ALL:
            return None
        return SQL("{} IS NOT TRUE AND NOT EXISTS (SELECT FROM {} AS k WHERE {})").format(
            self._scope, STAGE, match(self._key, left="k")
        )

    def _replace_interval(self, interval: Interval) -> None:
        inside = SQL("(t.{0} >= {1} AND t.{0} < {2})").format(
            Identifier(interval.column), Literal(interval.start), Literal(interval.end)
        )
        outside = SQL("{} IS NOT TRUE").format(inside)
        why = f"the table has this {', '.join(self._key)} outside the interval"
        self._conflicts.settle(outside, why)
        self._replace(inside)

    def _replace(self, scope: Composable) -> None:
        if self._key:
            self._loaded.deleted = self._statements.run("delete_absent", scope=scope, match=match(self._key))
            self._update_and_insert()
        else:
            self._loaded.deleted = self._statements.run("delete", scope=scope)
            self._write(self._insert)

    def _merge(self) -> None:
        older: Composable = SQL("false")
        if self._plan.order_by is not None:
            order = Identifier(self._plan.order_by)
            older = SQL("(s.{0} < t.{0} OR s.{0} IS NULL AND t.{0} IS NOT NULL)").format(order)
        if self._plan.delete_flag is not None:
            # Before conflicts are settled: a deleted row gives up its unique values.
            self._loaded.flagged, self._loaded.deleted = self._statements.values(
                "delete_flagged",
                flag=Identifier(self._plan.delete_flag),
                key=names(self._key),
                order=self._conflicts.order(),
                match=match(self._key),
                older=older,
            )
        if self._plan.order_by is not None:
            why = f"the table has a row with a greater {self._plan.order_by}"
            self._conflicts.reject_older(older, why)
        self._conflicts.settle()
        self._update_and_insert()

    def _update_and_insert(self) -> None:
        staged = self._statements.staged()
        if self._conflicts.moving:
            self._moves.prepare()
        self._write(self._change)
        self._loaded.unchanged = staged - self._loaded.inserted - self._loaded.updated

    def _change(self, rows: Composable) -> None:
        with self._moves.deferred():
            moved = self._moves.make_room(rows) if self._conflicts.moving else 0
            assignments = self._shape.assignments("excluded")
            if assignments is None or not self._shape.has_key_index or self._shape.contract.partitioned:
                self._update_then_insert(rows)
            else:
                self._loaded.inserted, self._loaded.updated = self._statements.values(
                    "upsert",
                    key=names(self._key),
                    assignments=assignments,
                    same=self._shape.same("excluded"),
                    rows=rows,
                )
        self._loaded.updated += moved

    def _update_then_insert(self, rows: Composable) -> None:
        on_key = match(self._key)
        self._loaded.updated = 0
        if (assignments := self._shape.assignments("s")) is not None:
            self._loaded.updated = self._statements.run(
                "update_changed", assignments=assignments, match=on_key, same=self._shape.same(), rows=rows
            )
        self._loaded.inserted = self._statements.run("insert_missing", match=on_key, rows=rows)


class _RowsFailed(Exception):
    """The server refuses some of the staged rows."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        super().__init__()
        self.errors = errors
