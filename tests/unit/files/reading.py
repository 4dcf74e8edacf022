"""Reading a whole source into plain values, and proving on the way what every source owes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from penstock.files.blocks import Sizes
from penstock.files.source import open_files
from penstock.model.file_options import FileOptions
from penstock.model.result import Reject
from penstock.ports import Source


@dataclass
class Content:
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    lines: list[int]
    raw: list[str]
    rejects: list[Reject]
    files: list[int]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(reject.line, reject.reason.value) for reject in self.rejects]


def drain(source: Source) -> Content:
    content = Content(source.columns, [], [], [], [], [])
    texts: dict[int, dict[int, str]] = {}
    for batch in source.batches():
        assert batch.rows.schema.names == list(source.columns)
        raw = batch.raw(range(batch.rows.num_rows))
        lines = batch.lines.tolist()
        content.rows += zip(*(array.to_pylist() for array in batch.rows.columns), strict=True)
        content.lines += lines
        content.raw += raw
        content.rejects += batch.rejects
        content.files += [batch.file] * len(lines)
        known = texts.setdefault(batch.file, {})
        assert all(earlier < later for earlier, later in pairwise(lines))
        for line, text in [*zip(lines, raw, strict=True), *((one.line, one.raw) for one in batch.rejects)]:
            assert line not in known
            known[line] = text
    for file, known in texts.items():
        assert source.raw(file, [*known, 10**9]) == known
    return content


def read(data: bytes, *, block: int = 1 << 20, record: int = 1 << 20, **options: Any) -> Content:
    """What standard input with these bytes holds, once read in blocks of this size; nothing is detected."""
    stdin = io.BytesIO(data)
    sizes = Sizes(block, record)
    return drain(open_files("-", FileOptions(**options), stdin=stdin, sizes=sizes, detect=False))
