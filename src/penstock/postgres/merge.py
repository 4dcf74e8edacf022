"""Merges staged rows into the table: resolves rows with equal keys, then changes as little as the mode requires."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.sql import SQL, Composable, Identifier, Literal

from penstock.model.plan import CopyPlan, Interval
from penstock.ports import Loaded
from penstock.postgres.staging import ALL, Shape, Statements, match, names, only, present


class Settler:
    """Merges the stage of one copy, in its transaction.

    Args:
        repeats: Whether any staged row may repeat a key.
        scope: The condition on the rows ``t`` of the table that a mirror covers.
    """

    def __init__(
        self,
        statements: Statements,
        plan: CopyPlan,
        shape: Shape,
        *,
        repeats: bool,
        scope: Composable = ALL,
    ) -> None:
        self._statements = statements
        self._plan = plan
        self._shape = shape
        self._key = shape.key
        self._repeats = repeats
        self._scope = scope
        self._loaded = Loaded()

    def append_rest(self, loaded: int) -> Loaded:
        """Merge the staged rows after the others, ``loaded`` of them, were copied directly into the empty table."""
        self._loaded.inserted = loaded
        if self._repeats:
            self._statements.run("analyze")
            self._against_table(ALL)
            self._among_staged()
            self._loaded.inserted += self._statements.run("insert")
        return self._loaded

    def publish(self) -> Loaded:
        """Merge all staged rows by the plan's mode."""
        self._among_staged()
        match self._plan.mode:
            case "append":
                self._append()
            case "replace" | "mirror":
                self._replace(self._scope)
            case "interval":
                assert self._plan.interval is not None  # guaranteed by the plan for this mode
                self._replace_interval(self._plan.interval)
            case "merge":
                self._merge()
        return self._loaded

    # -- rows of one key

    def _among_staged(self) -> None:
        if self._repeats and self._key:
            suspects = SQL("({0}) IN (SELECT {0} FROM penstock_stage WHERE _again)").format(names(self._key))
            self._settle_among(self._key, suspects)

    def _settle_among(self, key: Sequence[str], suspects: Composable) -> None:
        by = f"the greater {self._plan.order_by}" if self._plan.order_by else "its place in the input"
        (duplicates,) = self._statements.values(
            "settle_stage",
            present=present(key),
            suspects=suspects,
            key=names(key),
            order=self._order(),
            same=self._shape.same(),
            column_name=only(key),
            message=Literal(f"another row with this {', '.join(key)} wins by {by}"),
        )
        self._loaded.duplicates += duplicates

    def _order(self) -> Composable:
        if self._plan.order_by is not None:
            return SQL("{} DESC NULLS LAST, _file DESC, _line DESC").format(Identifier(self._plan.order_by))
        # In an upsert the last row wins. In the other modes the first has been loaded already.
        return SQL("_file DESC, _line DESC" if self._plan.mode == "merge" else "_file, _line")

    def _against_table(
        self, scope: Composable, key: Sequence[str] | None = None, why: str | None = None
    ) -> None:
        key = self._key if key is None else key
        if not key:
            return
        (duplicates,) = self._statements.values(
            "settle_target",
            match=match(key),
            scope=scope,
            same=self._shape.same(),
            column_name=only(key),
            message=Literal(why or f"the table has another row with this {', '.join(key)}"),
        )
        self._loaded.duplicates += duplicates

    def _other_uniques(self, scope: Composable) -> None:
        """Resolve rows that conflict in a unique constraint other than the key, first among themselves."""
        for unique in self._shape.contract.uniques:
            if set(unique) != set(self._key) and set(unique) <= set(self._shape.names):
                self._settle_among(unique, ALL)
                self._against_table(scope, unique)

    # -- the modes

    def _append(self) -> None:
        self._against_table(ALL)
        self._other_uniques(ALL)
        self._loaded.inserted = self._statements.run("insert")

    def _replace_interval(self, interval: Interval) -> None:
        inside = SQL("(t.{0} >= {1} AND t.{0} < {2})").format(
            Identifier(interval.column), Literal(interval.start), Literal(interval.end)
        )
        outside = SQL("{} IS NOT TRUE").format(inside)
        self._against_table(outside, why=f"the table has this {', '.join(self._key)} outside the interval")
        self._replace(inside)

    def _replace(self, scope: Composable) -> None:
        if self._key:
            self._loaded.deleted = self._statements.run("delete_absent", scope=scope, match=match(self._key))
            self._update_and_insert()
        else:
            self._loaded.deleted = self._statements.run("delete", scope=scope)
            self._other_uniques(ALL)
            self._loaded.inserted = self._statements.run("insert")

    def _merge(self) -> None:
        if self._plan.order_by is not None:
            order = Identifier(self._plan.order_by)
            older = SQL("(s.{0} < t.{0} OR s.{0} IS NULL AND t.{0} IS NOT NULL)").format(order)
            self._against_table(older, why=f"the table has a row with a greater {self._plan.order_by}")
        self._update_and_insert()

    def _update_and_insert(self) -> None:
        self._other_uniques(SQL("NOT ({})").format(match(self._key)))
        staged = self._statements.staged()
        if self._shape.has_key_index and not self._shape.contract.partitioned:
            self._upsert()
        else:
            self._update_then_insert()
        self._loaded.unchanged = staged - self._loaded.inserted - self._loaded.updated

    def _upsert(self) -> None:
        assignments = self._shape.assignments("excluded")
        if assignments is None:
            self._update_then_insert()
            return
        self._loaded.inserted, self._loaded.updated = self._statements.values(
            "upsert", key=names(self._key), assignments=assignments, same=self._shape.same("excluded")
        )

    def _update_then_insert(self) -> None:
        on_key = match(self._key)
        if (assignments := self._shape.assignments("s")) is not None:
            self._loaded.updated = self._statements.run(
                "update_changed", assignments=assignments, match=on_key, same=self._shape.same()
            )
        self._loaded.inserted = self._statements.run("insert_missing", match=on_key)
