"""Merges staged rows into the table: resolves rows with equal keys, then changes as little as the mode requires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.model.contract import UniqueIndex
from penstock.model.plan import CopyPlan, Interval
from penstock.ports import Loaded
from penstock.postgres.conflicts import (
    Claim,
    Contest,
    Loss,
    Rival,
    applies,
    equal_values,
    label,
    values,
    with_values,
)
from penstock.postgres.moves import Moves
from penstock.postgres.row_errors import Action, RowError, RowErrors, is_row_error
from penstock.postgres.staging import ALL, STAGE, Shape, Statements, match, names, only

# Rows in one statement.
_LOSSES = 10_000

_SETTLING = Identifier("penstock_settling")
_WRITING = Identifier("penstock_writing")
_UNIQUE = "23505"
_FOREIGN_KEY = "23503"


class Settler:
    """Merges the stage of one copy, in its transaction.

    Args:
        repeats: Whether any staged row may repeat a key.
    """

    def __init__(self, statements: Statements, plan: CopyPlan, shape: Shape, *, repeats: bool) -> None:
        self._statements = statements
        self._plan = plan
        self._shape = shape
        self._key = shape.key
        self._key_index = shape.key_index
        self._others = shape.other_indexes
        self._repeats = repeats
        self._moves = Moves(statements, shape)
        self._moving = bool(self._others)
        self._errors = RowErrors(statements, plan.max_rejects)
        self._loaded = Loaded()

    def append_rest(self, loaded: int) -> Loaded:
        """Merge the staged rows after the others, ``loaded`` of them, were copied directly into the empty table."""
        self._loaded.inserted = loaded
        if self._repeats:
            self._statements.run("analyze")
            self._settle(ALL)
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
            self._loaded, self._moving = Loaded(), bool(self._others)
            try:
                self._publish()
            except _RowsFailed as failed:
                self._statements.run("roll_back", name=_SETTLING)
                self._errors.reject(failed.errors)
            else:
                return self._loaded

    def _publish(self) -> None:
        match self._plan.mode:
            case "append":
                self._settle(ALL)
                self._write(self._insert)
            case "replace" | "mirror":
                self._settle()
                self._replace(ALL)
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
            self._statements.run("check_deferred")
        except psycopg.Error as error:
            if not is_row_error(error):
                raise
            self._statements.run("roll_back", name=_WRITING)
            raise _RowsFailed(self._errors.find(action, error, self._is_doubtful)) from None

    def _is_doubtful(self, error: psycopg.Error) -> bool:
        """Whether a row may fail only because others of this copy are not written yet."""
        contract, name = self._shape.contract, error.diag.constraint_name
        if error.sqlstate == _UNIQUE:
            return contract.partitioned or name in {index.name for index in self._others}
        own = {
            key.name
            for key in contract.foreign_keys
            if (key.schema, key.table) == (contract.schema, contract.table)
        }
        return error.sqlstate == _FOREIGN_KEY and (name in own or (contract.partitioned and bool(own)))

    def _insert(self, rows: Composable) -> None:
        self._loaded.inserted = self._statements.run("insert", rows=rows)

    # -- rows of one key

    def _settle(self, stays: Composable | None = None, why: str | None = None) -> None:
        """Remove the staged rows that lose a unique value to another.

        Args:
            stays: The condition on the rows ``t`` of the table that stay as they are.
            why: The message for rows whose key such a row has.
        """
        if stays is not None:
            self._against_table(self._key_index, stays, why)
            for index in self._others:
                self._against_table(index, stays)
        self._among_staged(self._others)

    def _among_staged(self, others: Sequence[UniqueIndex]) -> None:
        indexes = [self._key_index, *others] if self._repeats and self._key else [*others]
        if len(indexes) > 1 or (others and self._plan.mode == "merge"):
            self._contest(indexes)
        elif indexes:
            self._settle_among(indexes[0])

    def _suspects(self, index: UniqueIndex) -> Composable:
        if index is not self._key_index:
            return ALL
        return SQL("({0}) IN (SELECT {0} FROM penstock_stage WHERE _again)").format(names(self._key))

    def _settle_among(self, index: UniqueIndex) -> None:
        (duplicates,) = self._statements.values(
            "settle_stage",
            present=applies(index),
            suspects=self._suspects(index),
            key=values(index),
            order=self._order(),
            same=self._shape.same(),
            column_name=only(index.columns),
            message=Literal(self._another(index)),
        )
        self._loaded.duplicates += duplicates

    def _contest(self, indexes: Sequence[UniqueIndex]) -> None:
        """Settle several indexes at once: a row that loses in one of them holds no value in the others."""
        self._statements.run("contest")
        for number, index in enumerate(indexes):
            self._statements.run(
                "claim",
                index=Literal(number),
                present=applies(index),
                suspects=self._suspects(index),
                key=values(index),
            )
        claims: dict[str, list[Claim]] = {}
        for row in self._statements.rows("claims", order=self._order()):
            claims.setdefault(row["id"], []).append((row["index"], row["value"]))
        rivals: dict[str, Rival] = {}
        if self._plan.mode == "merge":
            rivals = self._rivals(indexes)
            self._moving = bool(rivals)
        self._statements.run("end_contest")
        for losses in _batches(Contest(claims, rivals).losses()):
            self._settle_rows(indexes, losses)

    def _rivals(self, indexes: Sequence[UniqueIndex]) -> dict[str, Rival]:
        """Rows of the table that hold a value of a staged row with another key."""
        for number, index in enumerate(indexes):
            if index is not self._key_index:
                self._statements.run(
                    "rival",
                    index=Literal(number),
                    claimants=with_values(index, STAGE, "c"),
                    held=with_values(index, self._shape.target, "t"),
                    equal=equal_values(index, "c", "t"),
                    own=match(self._key, left="c"),
                    heir=match(self._key, left="h"),
                )
        rivals: dict[str, Rival] = {}
        for row in self._statements.rows("rivals", order=self._order()):
            rival = rivals.setdefault(row["rival"], Rival(row["index"]))
            rival.claimants[row["id"]] = None
            if row["heir"] is not None:
                rival.heirs.add(row["heir"])
        return rivals

    def _settle_rows(self, indexes: Sequence[UniqueIndex], losses: Sequence[tuple[str, Loss]]) -> None:
        lost = [indexes[loss.index] for _, loss in losses]
        messages = [
            self._another(index) if loss.winner else self._in_table(index)
            for index, (_, loss) in zip(lost, losses, strict=True)
        ]
        (duplicates,) = self._statements.values(
            "settle_rows",
            rows=Literal([row for row, _ in losses]),
            winners=Literal([loss.winner for _, loss in losses]),
            column_names=Literal([index.columns[0] if len(index.columns) == 1 else None for index in lost]),
            messages=Literal(messages),
            same=self._shape.same(),
        )
        self._loaded.duplicates += duplicates

    def _another(self, index: UniqueIndex) -> str:
        by = f"the greater {self._plan.order_by}" if self._plan.order_by else "its place in the input"
        return f"another row with this {label(index)} wins by {by}"

    @staticmethod
    def _in_table(index: UniqueIndex) -> str:
        return f"the table has another row with this {label(index)}"

    def _order(self) -> Composable:
        if self._plan.order_by is not None:
            return SQL("{} DESC NULLS LAST, _file DESC, _line DESC").format(Identifier(self._plan.order_by))
        # In an upsert the last row wins. In the other modes the first has been loaded already.
        return SQL("_file DESC, _line DESC" if self._plan.mode == "merge" else "_file, _line")

    def _against_table(self, index: UniqueIndex, scope: Composable, why: str | None = None) -> None:
        if not index.columns:
            return
        if index.is_total and not index.nulls_equal:
            rivals, on = SQL("{} AS t").format(self._shape.target), match(index.columns)
        else:
            claimants, held = with_values(index, STAGE, "c"), with_values(index, self._shape.target, "t")
            rivals = SQL("{}, {}").format(claimants, held)
            on = SQL("s.ctid = c._penstock_row AND {}").format(equal_values(index, "c", "t"))
        (duplicates,) = self._statements.values(
            "settle_target",
            rivals=rivals,
            match=on,
            scope=scope,
            same=self._shape.same(),
            column_name=only(index.columns),
            message=Literal(why or self._in_table(index)),
        )
        self._loaded.duplicates += duplicates

    # -- the modes

    def _replace_interval(self, interval: Interval) -> None:
        inside = SQL("(t.{0} >= {1} AND t.{0} < {2})").format(
            Identifier(interval.column), Literal(interval.start), Literal(interval.end)
        )
        outside = SQL("{} IS NOT TRUE").format(inside)
        why = f"the table has this {', '.join(self._key)} outside the interval"
        self._settle(outside, why)
        self._replace(inside)

    def _replace(self, scope: Composable) -> None:
        if self._key:
            self._loaded.deleted = self._statements.run("delete_absent", scope=scope, match=match(self._key))
            self._update_and_insert()
        else:
            self._loaded.deleted = self._statements.run("delete", scope=scope)
            self._write(self._insert)

    def _merge(self) -> None:
        if self._plan.order_by is not None:
            order = Identifier(self._plan.order_by)
            older = SQL("(s.{0} < t.{0} OR s.{0} IS NULL AND t.{0} IS NOT NULL)").format(order)
            why = f"the table has a row with a greater {self._plan.order_by}"
            self._against_table(self._key_index, older, why)
        self._settle()
        self._update_and_insert()

    def _update_and_insert(self) -> None:
        staged = self._statements.staged()
        if self._moving:
            self._moves.prepare()
        self._write(self._change)
        self._loaded.unchanged = staged - self._loaded.inserted - self._loaded.updated

    def _change(self, rows: Composable) -> None:
        with self._moves.deferred():
            moved = self._moves.make_room(rows) if self._moving else 0
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


def _batches(losses: Mapping[str, Loss]) -> Iterator[list[tuple[str, Loss]]]:
    left = iter(losses.items())
    while batch := list(islice(left, _LOSSES)):
        yield batch
