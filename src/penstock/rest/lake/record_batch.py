"""Records and their positions in a batch, before they become rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from penstock.model.api import Answers
from penstock.model.result import Reason, Reject
from penstock.ports import Batch
from penstock.rest.lake.exact_json import is_text
from penstock.rest.lake.extraction import Extraction, Found, flatten, record_text


@dataclass(slots=True)
class Piece:
    """Records of one batch of answers.

    Args:
        file: Index of the batch among the source's files.
        lines: Number of each record in the batch, starting at 1.
        texts: Text of each record that is a complete answer; empty if the text must be rendered.
    """

    file: int
    found: Found = field(default_factory=Found)
    lines: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    def add(self, records: list[Any], about: dict[str, Any], line: int, text: str) -> None:
        """Add the records of one answer; `line` is the number of the first."""
        self.found.records.extend(records)
        self.found.about.extend([about] * len(records))
        self.lines.extend(range(line, line + len(records)))
        self.texts.extend([text] * len(records))

    def follow(self, further: Piece) -> None:
        """Append another piece; numbers must increase."""
        order = np.argsort(further.lines, kind="stable").tolist()
        for at in order:
            self.add([further.found.records[at]], dict(further.found.about[at]), further.lines[at], "")

    def reject(self, line: int, body: bytes, reason: Reason, message: str) -> int:
        """Record an answer without records as a reject; return the next number."""
        raw = body.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
        self.rejects.append(Reject(self.file, line, raw, reason, None, message))
        return line + 1

    def text(self, at: int) -> str:
        """Return a record's text: the original if the record is a complete answer, else rendered with exact digits."""
        text = self.texts[at]
        return text if text and is_text(text) else record_text(self.found.records[at])


@dataclass(frozen=True, slots=True)
class _Texts:
    piece: Piece
    kept: np.ndarray[Any, np.dtype[np.int64]]

    def __call__(self, positions: Sequence[int]) -> list[str]:
        return [self.piece.text(int(self.kept[at])) for at in positions]


def columns_of(pieces: Iterable[Piece], answers: Answers) -> tuple[str, ...]:
    """Return the declared columns, or else all columns of the records."""
    if answers.columns:
        return tuple(answers.paths)
    names: dict[str, None] = {}
    for piece in pieces:
        for record in piece.found.records:
            names.update(dict.fromkeys(flatten(record)))
    return tuple(filter(is_text, names))  # a record with another name is rejected


def batch_of(piece: Piece, answers: Answers, columns: Sequence[str]) -> Batch:
    """Return the piece as rows of text; records that cannot become rows are rejects."""
    rows, faults = Extraction(answers, columns).rows(piece.found)
    rejects = [
        *piece.rejects,
        *(
            Reject(piece.file, piece.lines[at], piece.text(at), fault.reason, fault.column, fault.message)
            for at, fault in faults.items()
        ),
    ]
    lines = np.array(piece.lines, np.int64)
    kept = np.arange(len(lines))
    if faults:
        good = np.ones(len(lines), np.bool_)
        good[list(faults)] = False
        rows, lines, kept = rows.filter(pa.array(good)), lines[good], kept[good]
    rejects.sort(key=lambda reject: reject.line)
    return Batch(piece.file, rows, lines, _Texts(piece, kept), rejects)
