"""Selects the rows of a source that are new since the last copy, without missing any.

A row is new if the transaction that wrote it had not ended at the last copy: the server stores its number in every
row. This condition is complete regardless of the cursor, but has no index. A cursor finds most new rows by an index:
those after the greatest cursor and key seen. Their transaction identifies the others:

- rows without a cursor, or with one that is not a point in time (``infinity``),
- rows that were written late: by a transaction that was open at the last copy, or with a clock that was set back.
  They are searched in a window before the greatest cursor, or in the whole table if any transaction with a number
  was open then.

Cursors ahead of the source's clock do not count for the greatest one: such rows are read each time until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from penstock.model.columns import find, pair
from penstock.model.contract import Contract
from penstock.model.errors import ContractError, UsageError
from penstock.model.plan import CopyPlan
from penstock.postgres.queries import queries
from penstock.postgres.relay.source_snapshot import Instant, Watermark, take_instant
from penstock.postgres.relay.source_table import Reading
from penstock.postgres.relay.structure import Field, Structure
from penstock.postgres.select import written
from penstock.postgres.target import PostgresSession

_SQL = queries(__package__, "watermarks.sql")

XMIN = "xmin"
ALL = "all"
# Clocks are set back by seconds, or by an hour with local time; transactions rarely last longer than a day.
_WINDOW = "1 day"
_HALF = 2**31
_WHOLE = 2**32


@dataclass(frozen=True, slots=True)
class Increment:
    """One incremental reading of a source.

    Args:
        cursor: The column; None if rows are selected by transaction only.
        key: The columns that order rows with equal cursors.
    """

    plan: CopyPlan
    reading: Reading
    structure: Structure
    cursor: Field | None
    key: tuple[str, ...]
    instant: Instant

    # -- new rows

    def since(self, mark: Watermark) -> list[Composable]:
        """Conditions on the rows to read; empty for all rows."""
        # Copies since then looked only so far behind the cursor, and passed over rows that are further behind.
        oldest = mark.complete_open if self.searches_all(mark) else mark.oldest_open
        if self.instant.next - oldest >= _HALF or oldest > self.instant.next:
            return []  # after this many transactions, numbers have wrapped around
        fresh = SQL("age(xmin) <= age({}::xid)").format(Literal(str(oldest % _WHOLE)))
        if self.cursor is None:
            return [fresh]
        column = Identifier(self.cursor.name)
        odd = self._odd(column)
        if mark.value is None:
            return [fresh]
        value = SQL("{}::{}").format(Literal(mark.value), _type(self.cursor))
        later = SQL("{} > {}").format(column, value)
        same = SQL("({} = {} AND {})").format(column, value, self._beyond(mark))
        window = self._window(value)
        if window is None or self.searches_all(mark):
            return [SQL("({} OR {} OR {})").format(later, same, fresh)]
        reach = SQL("({} >= {} AND ({} OR {} OR {}))").format(column, window, later, same, fresh)
        return [SQL("({} OR ({} AND {}))").format(reach, odd, fresh)]

    def searches_all(self, mark: Watermark | None) -> bool:
        """Whether new rows are searched in the whole table, however far behind the cursor they are."""
        if mark is None or self.cursor is None or mark.value is None:
            return True
        late = mark.any_open and self.plan.lookback is None
        return late or self._window(SQL("")) is None

    def _beyond(self, mark: Watermark) -> Composable:
        """Rows with the greatest cursor and a greater key."""
        types = {field.name: _type(field) for field in self.reading.fields}
        columns = SQL(", ").join(map(Identifier, self.key))
        values = SQL(", ").join(
            SQL("{}::{}").format(Literal(text), types[name])
            for name, text in zip(self.key, mark.key, strict=True)
        )
        return SQL("({}) > ({})").format(columns, values)

    def _window(self, value: Composable) -> Composable | None:
        lookback = self.plan.lookback
        assert self.cursor is not None  # checked by the caller
        if lookback == ALL or (lookback is None and not _is_time(self.cursor)):
            return None
        if _is_time(self.cursor):
            return SQL("({} - {}::interval)").format(value, Literal(lookback or _WINDOW))
        return SQL("({} - {})").format(value, Literal(_number(lookback)))

    def _odd(self, column: Composable) -> Composable:
        """Rows whose cursor is not a point in time."""
        assert self.cursor is not None  # checked by the caller
        if _is_time(self.cursor):
            return SQL("({0} IS NULL OR {0} IN ('infinity', '-infinity'))").format(column)
        return SQL("{} IS NULL").format(column)

    # -- the new watermark

    def mark(self) -> Watermark:
        """The watermark for the next copy, if this one reads all rows and commits."""
        row = None if self.cursor is None else self._greatest()
        value, key = (None, ()) if row is None else (row["value"], tuple(row["key"]))
        opened = self.instant.oldest_open
        return Watermark(value, key, opened, self.instant.any_open, complete_open=opened)

    def _greatest(self) -> dict[str, Any] | None:
        assert self.cursor is not None  # checked by the caller
        column = Identifier(self.cursor.name)
        if _is_time(self.cursor):
            # This also excludes 'infinity'.
            within = SQL("{} <= clock_timestamp()::{} AND {} > '-infinity'").format(
                column, _type(self.cursor), column
            )
        else:
            within = SQL("{} IS NOT NULL").format(column)
        keys = list(map(Identifier, self.key))
        return self.reading.one(
            _SQL["greatest"].format(
                cursor=column,
                key_texts=SQL(", ").join(SQL("{}::text").format(key) for key in keys),
                relation=self.reading.relation,
                within=SQL(" AND ").join([within, *self.reading.conditions]),
                order=SQL(", ").join(SQL("{} DESC").format(key) for key in [column, *keys]),
            )
        )


class Witness:
    """The row of the greatest cursor, whose absence shows that a target has lost rows since: emptied, or restored."""

    def __init__(self, increment: Increment, session: PostgresSession, contract: Contract) -> None:
        self._increment = increment
        self._session = session
        self._table = Identifier(contract.schema, contract.table)
        outputs = {output.name: output.plain for output in increment.reading.outputs}
        pairs = pair([column.name for column in contract.columns], list(outputs))
        names = {outputs[name]: column for column, name in pairs.items()}
        self._key = [names[column] for column in increment.key]

    def is_held(self, mark: Watermark) -> bool:
        """Whether the target holds the row; without a cursor, any row."""
        query = _holds(self._table, self._key, mark)
        row = self._session.connection.execute(query).fetchone()
        return row is not None and bool(row["there"])

    def is_lost(self, mark: Watermark) -> bool:
        """Whether the target has lost rows since this watermark was written."""
        if not mark.held or self.is_held(mark):
            return False
        empty = replace(mark, key=())
        row = self._increment.reading.one(_holds(self._increment.reading.relation, self._increment.key, mark))
        return (row is not None and bool(row["there"])) or not self.is_held(empty)


def _holds(table: Composable, key: Sequence[str], mark: Watermark) -> Composed:
    pairs = zip(key, mark.key, strict=True) if mark.key else ()
    same = [SQL("t.{} = {}").format(Identifier(name), Literal(text)) for name, text in pairs]
    return _SQL["holds"].format(table=table, match=SQL(" AND ").join(same) if same else SQL("true"))


def open_increment(plan: CopyPlan, reading: Reading) -> Increment:
    """The incremental reading for the plan's cursor.

    Raises:
        UsageError: If the mode does not support cursors, or the source is not a table.
        ContractError: If the column does not exist, or the table has no key.
    """
    assert plan.cursor is not None  # checked by the caller
    structure = reading.structure
    if structure is None:
        raise UsageError("a cursor needs a table; queries and views do not record when rows were written")
    cursor = None if plan.cursor == XMIN else reading.find(plan.cursor, "cursor")
    key = tuple(_source_of(name, reading) for name in plan.key) or structure.primary_key
    if not key:
        raise ContractError(
            f"a cursor needs a key, and {reading.origin.address} has no primary key",
            hint="name the columns: --key a,b",
        )
    assert reading.before is not None  # the plan has a cursor
    with reading.translated():
        instant = take_instant(reading.connection, reading.before, structure.relation.oid)
    return Increment(plan, reading, structure, cursor, key, instant)


def as_merge(plan: CopyPlan) -> CopyPlan:
    """The plan with the mode for a cursor, which updates changed rows.

    Raises:
        UsageError: If its mode does not support cursors.
    """
    if plan.mode not in ("append", "merge"):
        raise UsageError(
            f"mode {plan.mode} needs the whole source, but a cursor reads only new rows",
            hint="use --mode merge",
        )
    return replace(plan, mode="merge")


def _source_of(name: str, reading: Reading) -> str:
    plain = {output.name: output.plain for output in reading.outputs if output.plain is not None}
    found = find(name, plain)
    return plain[found] if found is not None else reading.find(name, "key column").name


def _is_time(field: Field) -> bool:
    return field.type == "date" or field.type.startswith("timestamp")


def _type(field: Field) -> Composable:
    return written(field.type)


def _number(text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise UsageError(
            f"invalid lookback {text!r} for this cursor", hint="use a whole number, or all"
        ) from None
