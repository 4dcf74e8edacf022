"""What a source holds, and which values decide the types of its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from penstock.engine.cleaning.to_text import TEXT, as_texts
from penstock.engine.cleaning.value_types import KINDS, Fit, Guess
from penstock.engine.type_inference import Observed
from penstock.model.contract import Column, snake_case
from penstock.model.file_options import FileOptions
from penstock.model.preview import Decision
from penstock.ports import Batch, Source

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Contents:
    """What a source holds.

    Args:
        columns: The columns of a table created from it.
        decisions: By position of the column: the value that decided its type.
        sample: The first rows.
        rows: Number of rows, including those that cannot be parsed.
        rejects: Number of rows that cannot be parsed, by reason.
        examples: The first of these.
    """

    columns: tuple[Column, ...]
    decisions: Mapping[int, Decision]
    sample: Sequence[Sequence[str | None]]
    rows: int
    rejects: Mapping[str, int]
    examples: Sequence[str]


def inspect(
    source: Source, options: FileOptions, sample: int, seen: Callable[[Batch], None] | None = None
) -> Contents:
    """Read the whole source once, in bounded memory.

    Args:
        sample: Number of rows to keep.
        seen: Receives each batch after it was inspected.
    """
    files = source.files
    columns = [_Traced(snake_case(name), options) for name in source.columns]
    rejects: Counter[str] = Counter()
    examples: list[str] = []
    kept: list[Sequence[str | None]] = []
    rows = 0
    for batch in source.batches():
        typed = any(type_ != TEXT for type_ in batch.rows.schema.types)
        for name, column in zip(source.columns, columns, strict=True):
            column.look(batch, batch.rows.column(name), files, typed=typed)
        rows += batch.rows.num_rows + len(batch.rejects)
        rejects.update(str(one.reason) for one in batch.rejects)
        examples += [
            f"{files[one.file]}:{one.line}: {one.reason}: {one.message}"
            for one in batch.rejects[: _EXAMPLES - len(examples)]
        ]
        if len(kept) < sample:
            first = batch.rows.slice(0, sample - len(kept))
            kept += zip(*(as_texts(first.column(name)).to_pylist() for name in source.columns), strict=True)
        if seen is not None:
            seen(batch)
    decisions = {at: one.decision for at, one in enumerate(columns) if one.decision is not None}
    return Contents(tuple(one.result() for one in columns), decisions, kept, rows, rejects, examples)


class _Traced(Observed):
    """The observations of one column, with the value that last changed its type."""

    decision: Decision | None = None

    def look(self, batch: Batch, array: pa.Array, files: Sequence[str], *, typed: bool) -> None:
        if typed:
            self.decision = None
            self.observe(array, typed=True)
            return
        before, start = _fit(self.guess), self.guess.fork()
        self.observe(array, typed=False)
        done = 0
        while before != (after := _fit(self.guess)):
            place = _first_change(start, array, done)
            if place is None:
                return
            start.observe(_part(array, done, place + 1))
            if before is not None:
                self.decision = Decision(
                    before=KINDS[before][1],
                    value=array[place].as_py(),
                    file=files[batch.file],
                    line=int(batch.lines[place]),
                )
            before, done = _fit(start), place + 1
            if before == after:
                return


def _fit(guess: Guess) -> Fit | None:
    return guess.fit if guess.seen else None


def _first_change(start: Guess, array: pa.Array, done: int) -> int | None:
    """The position of the first value from ``done`` on that changes the type; types only ever widen."""
    before = _fit(start)

    def changed(end: int) -> bool:
        guess = start.fork()
        guess.observe(_part(array, done, end))
        return _fit(guess) != before

    low, high = done, len(array)
    if not changed(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if changed(middle) else (middle, high)
    return high - 1


def _part(array: pa.Array, begin: int, end: int) -> pa.Array:
    return array.slice(begin, end - begin)
