"""Type inference for a new table from the whole input: no row is rejected for its type."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from penstock.engine.cleaning.arrow_types import column_of, holds
from penstock.engine.cleaning.to_text import TEXT, plain
from penstock.engine.cleaning.value_types import KINDS, Guess
from penstock.model.contract import Column, Kind, snake_case
from penstock.model.file_options import FileOptions
from penstock.ports import Batch, Source

_WHOLE = (Kind.INT2, Kind.INT4, Kind.INT8)


def infer(
    source: Source, options: FileOptions, seen: Callable[[Batch], None] | None = None
) -> tuple[Column, ...]:
    """Columns in the source's order, all nullable, each of the narrowest type that holds every value exactly.

    One pass, in bounded memory. Columns of texts are narrowed value by value; in a batch with a column of any other
    Arrow type, texts are texts.

    Args:
        seen: Receives each batch after it was inspected.
    """
    observed = [(name, Observed(snake_case(name), options)) for name in source.columns]
    for batch in source.batches():
        typed = any(type_ != TEXT for type_ in batch.rows.schema.types)
        for name, column in observed:
            column.observe(batch.rows.column(name), typed=typed)
        if seen is not None:
            seen(batch)
    return tuple(column.result() for _, column in observed)


class Observed:
    """The observations of one column."""

    def __init__(self, name: str, options: FileOptions) -> None:
        self._name = name
        self.guess = Guess(options)
        self._columns: set[Column] = set()
        self._without_values: set[Column] = set()

    def observe(self, array: pa.Array, *, typed: bool) -> None:
        """Observe some values; ``typed`` is whether any column of their batch is not of texts."""
        if not typed:
            self.guess.observe(array)
            return
        array = plain(array)
        column = column_of(self._name, array.type)
        if array.null_count == len(array):
            self._without_values.add(column)
        else:
            self._columns.add(column if holds(column, array) else self._text())

    def result(self) -> Column:
        """The column, of the narrowest type that holds all values."""
        columns = self._columns or self._without_values
        if not columns:
            kind, type_ = KINDS[self.guess.fit]
            return Column(name=self._name, type=type_, kind=kind)
        if len(columns) == 1:
            return next(iter(columns))
        if all(column.kind in _WHOLE for column in columns):
            return max(columns, key=lambda column: _WHOLE.index(column.kind))
        return self._text()

    def _text(self) -> Column:
        return Column(name=self._name, type="text", kind=Kind.TEXT)
