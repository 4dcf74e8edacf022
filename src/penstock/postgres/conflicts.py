"""Conflicts of unique values, settled on the stage; and the SQL of unique indexes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.contract import UniqueIndex
from penstock.model.plan import CopyPlan
from penstock.postgres.contest import Claim, Contest, Loss, Rival
from penstock.postgres.create_table import declared
from penstock.postgres.staging import ALL, STAGE, Shape, Statements, match, names, only

TIMES = ("$asked_at", "$answered_at")  # paths of columns that hold the times of an answer

# Rows in one statement.
_LOSSES = 10_000


class Conflicts:
    """Removes the staged rows that lose a unique value.

    Args:
        repeats: Whether any staged row may repeat a key.

    Attributes:
        duplicates: The removed rows that equal another; the others are in quarantine.
        moving: Whether unique values may move from row to row of the table.
    """

    def __init__(self, statements: Statements, plan: CopyPlan, shape: Shape, *, repeats: bool) -> None:
        self._statements = statements
        self._plan = plan
        self._shape = shape
        self._key = shape.key
        self._key_index = shape.key_index
        self._others = shape.other_indexes
        self._repeats = repeats
        self.duplicates = 0
        self.moving = bool(self._others)

    def settle(self, stays: Composable | None = None, why: str | None = None) -> None:
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
            order=self.order(),
            same=self._alike(),
            column_name=only(index.columns),
            message=Literal(self._another(index)),
        )
        self.duplicates += duplicates

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
        for row in self._statements.rows("claims", order=self.order()):
            claims.setdefault(row["id"], []).append((row["index"], row["value"]))
        rivals: dict[str, Rival] = {}
        if self._plan.mode == "merge":
            rivals = self._rivals(indexes)
            self.moving = bool(rivals)
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
        for row in self._statements.rows("rivals", order=self.order()):
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
            same=self._alike(),
        )
        self.duplicates += duplicates

    def _alike(self) -> Composable:
        """The condition that two rows are duplicates: an answer that was given twice differs only in its times."""
        answers = self._plan.answers
        paths = {} if answers is None else answers.paths
        return self._shape.same(apart_from=[name for name, path in paths.items() if path in TIMES])

    def _another(self, index: UniqueIndex) -> str:
        by = f"the greater {self._plan.order_by}" if self._plan.order_by else "its place in the input"
        return f"another row with this {label(index)} wins by {by}"

    @staticmethod
    def _in_table(index: UniqueIndex) -> str:
        return f"the table has another row with this {label(index)}"

    def order(self) -> Composable:
        """The order of staged rows with one key, the one that is loaded first."""
        if self._plan.order_by is not None:
            return SQL("{} DESC NULLS LAST, _file DESC, _line DESC").format(Identifier(self._plan.order_by))
        # In an upsert the last row wins. In the other modes the first has been loaded already.
        return SQL("_file DESC, _line DESC" if self._plan.mode == "merge" else "_file, _line")

    def reject_older(self, scope: Composable, why: str) -> None:
        """Remove the staged rows whose key the table has in a row ``t`` of this scope."""
        self._against_table(self._key_index, scope, why)

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
            same=self._alike(),
            column_name=only(index.columns),
            message=Literal(why or self._in_table(index)),
        )
        self.duplicates += duplicates


def _batches(losses: Mapping[str, Loss]) -> Iterator[list[tuple[str, Loss]]]:
    left = iter(losses.items())
    while batch := list(islice(left, _LOSSES)):
        yield batch


def label(index: UniqueIndex) -> str:
    """The values of an index in words."""
    if index.is_total:
        return ", ".join(index.columns)
    return ", ".join(index.values) + ("" if index.predicate is None else f" where {index.predicate}")


def values(index: UniqueIndex) -> Composed:
    """The values of an index, separated by commas, in a query of one relation."""
    return SQL(", ").join(SQL("({})").format(declared(value)) for value in index.values)


def applies(index: UniqueIndex) -> Composed:
    """The condition that no other row may have the values of this one, in a query of one relation."""
    conditions: list[Composable] = [] if index.predicate is None else [declared(index.predicate)]
    if not index.nulls_equal:
        conditions += [SQL("{} IS NOT NULL").format(declared(f"({value})")) for value in index.values]
    return SQL("({})").format(SQL(" AND ").join(conditions or [ALL]))


def with_values(index: UniqueIndex, relation: Composable, alias: str, *, places: bool = True) -> Composed:
    """The rows of a relation to which an index applies, with its values as further columns.

    Args:
        places: With the places of the rows, if the relation is a table.
    """
    named: list[Composable] = [
        SQL("({}) AS {}").format(declared(value), Identifier(f"_penstock_{place}"))
        for place, value in enumerate(index.values)
    ]
    if places:
        named.append(SQL("r.tableoid AS _penstock_table, r.ctid AS _penstock_row"))
    return SQL("(SELECT r.*, {} FROM {} AS r WHERE {}) AS {}").format(
        SQL(", ").join(named), relation, applies(index), Identifier(alias)
    )


def equal_values(index: UniqueIndex, left: str, right: str) -> Composed:
    """The condition that two rows of :func:`with_values` have equal values."""
    sign = SQL("IS NOT DISTINCT FROM" if index.nulls_equal else "=")
    return SQL(" AND ").join(
        SQL("{0}.{2} {3} {1}.{2}").format(
            Identifier(left), Identifier(right), Identifier(f"_penstock_{place}"), sign
        )
        for place in range(len(index.values))
    )
