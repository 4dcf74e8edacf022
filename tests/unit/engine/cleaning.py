"""Short ways to clean and infer from texts in tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from penstock.engine.cleaning.cleaner import CleanBatch, Cleaner
from penstock.model.contract import Column, Kind
from penstock.model.file_options import FileOptions
from penstock.model.result import Reject
from penstock.ports import Batch

_KINDS = {
    "boolean": Kind.BOOL,
    "smallint": Kind.INT2,
    "integer": Kind.INT4,
    "bigint": Kind.INT8,
    "real": Kind.FLOAT4,
    "double precision": Kind.FLOAT8,
    "numeric": Kind.NUMERIC,
    "text": Kind.TEXT,
    "varchar": Kind.TEXT,
    "bytea": Kind.BYTEA,
    "uuid": Kind.UUID,
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMP,
    "timestamptz": Kind.TIMESTAMPTZ,
}


def column(type_: str, name: str = "c", *, nullable: bool = True) -> Column:
    """A target column, from the type as the server writes it."""
    family, *numbers = re.split(r"[(,)]", type_.rstrip(")"))
    sizes = [int(number) for number in numbers if re.fullmatch("-?[0-9]+", number)]
    kind = _KINDS.get(family, Kind.OTHER)
    digits = kind in {Kind.NUMERIC, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.OTHER}
    return Column(
        name=name,
        type=type_,
        kind=kind,
        nullable=nullable,
        length=sizes[0] if sizes and kind is Kind.TEXT else None,
        precision=sizes[0] if sizes and digits else None,
        scale=(sizes[1] if len(sizes) > 1 else 0) if sizes and kind is Kind.NUMERIC else None,
    )


def batch_of(columns: Mapping[str, Sequence[Any] | pa.Array], rejects: Collection[Reject] = ()) -> Batch:
    """A batch whose rows stand on lines 2, 3, …; lists are texts."""
    arrays = [
        values if isinstance(values, pa.Array) else pa.array(values, pa.large_string())
        for values in columns.values()
    ]
    rows = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    return Batch(
        0, rows, np.arange(2, len(rows) + 2), lambda at: [f"raw {position}" for position in at], list(rejects)
    )


def clean(type_: str, *texts: str | None, as_text: bool = False, **options: Any) -> CleanBatch:
    """The texts, cleaned for a column of this type."""
    target = column(type_)
    cleaner = Cleaner([(target, "c")], FileOptions(**options), as_text=["c"] if as_text else [])
    return cleaner.clean(batch_of({"c": texts}))


def values(type_: str, *texts: str | None, as_text: bool = False, **options: Any) -> list[Any]:
    """The values of texts that are all good."""
    cleaned = clean(type_, *texts, as_text=as_text, **options)
    assert cleaned.rejects == []
    cleaned.rows.validate(full=True)
    result: list[Any] = cleaned.rows.column(0).to_pylist()
    return result


def fault(type_: str, text: str | None, **options: Any) -> tuple[str, str]:
    """Reason and message for a text that is bad."""
    cleaned = clean(type_, text, **options)
    assert len(cleaned.rows) == 0
    (reject,) = cleaned.rejects
    return str(reject.reason), reject.message


def reason(type_: str, text: str | None, **options: Any) -> str:
    """Only the reason."""
    return fault(type_, text, **options)[0]


class Rows:
    """A source that gives these batches."""

    def __init__(self, *batches: Batch) -> None:
        self._batches = batches
        self.columns: tuple[str, ...] = tuple(batches[0].rows.schema.names)
        self.files = ("rows",)

    @property
    def size(self) -> int | None:
        return None

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:
        return ""

    def batches(self) -> Iterator[Batch]:
        yield from self._batches

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        return dict.fromkeys(lines, "")
